// Command judge asks Kubernetes' own pod security library what it thinks of the
// pods in a file of manifests. It is a module of its own: the agent does not
// depend on it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// expected are the only faults that the DaemonSet may have: the host's folders,
// and the init container that hands one of them over.
var expected = []string{"hostPath volumes", "restricted volume types", "unrestricted capabilities", "runAsNonRoot != true", "runAsUser=0", "non-default capabilities"}

func main() {
	only := flag.Bool("only-hostpath-and-chown", false, "allow what host mounts and their init container need, and demand no less")
	flag.Parse()
	if err := judge(api.Level(flag.Arg(0)), flag.Arg(1), *only); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func judge(level api.Level, path string, only bool) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		return err
	}
	pods := 0
	for d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(b), 4096); ; {
		var ds appsv1.DaemonSet
		if err := d.Decode(&ds); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if ds.Kind != "DaemonSet" {
			continue
		}
		pods++
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, &ds.Spec.Template.ObjectMeta, &ds.Spec.Template.Spec))
		fmt.Printf("%s: %s: allowed %t: %s\n", path, level, result.Allowed, result.ForbiddenDetail())
		switch {
		case !only && !result.Allowed:
			return errors.New("the pod is refused")
		case only:
			for _, r := range result.ForbiddenReasons {
				if !slices.Contains(expected, r) {
					return fmt.Errorf("%s is not among what host mounts need", r)
				}
			}
		}
	}
	if pods == 0 {
		return errors.New("no pod in the file")
	}
	return nil
}
