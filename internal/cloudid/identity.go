package cloudid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// Identity is what is known of the instance; fields are empty where it is not.
type Identity struct {
	Region       string
	InstanceID   string
	ImageID      string
	InstanceType string
	Group        string // Auto Scaling group, where instance tags are in the metadata
	Cluster      string // of ECS; EKS where the tag eks:cluster-name is in the metadata
	Task         string // ARN of the ECS task
}

// Dimensions are the names that CloudWatch series carry.
func (i Identity) Dimensions() map[string]string {
	return map[string]string{"InstanceId": i.InstanceID, "ImageId": i.ImageID, "InstanceType": i.InstanceType, "AutoScalingGroupName": i.Group}
}

const maxAnswer = 64 << 10

// get reads one path of the metadata; "" and no error where there is none.
func (w *Watcher) get(ctx context.Context, path string) (string, error) {
	out, err := w.client.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if err != nil {
		var answer interface{ HTTPStatusCode() int }
		if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotFound {
			return "", nil
		}
		return "", fmt.Errorf("ask the instance metadata for %s: %w", path, err)
	}
	defer out.Content.Close()
	b, err := io.ReadAll(io.LimitReader(out.Content, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("read the instance metadata's %s: %w", path, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// identify asks for everything once. The instance's id is what makes it one.
func (w *Watcher) identify(ctx context.Context) (Identity, error) {
	var id Identity
	var err error
	if id.InstanceID, err = w.get(ctx, "instance-id"); err != nil {
		return id, err
	}
	if id.InstanceID == "" {
		return id, errors.New("the instance metadata has no instance-id")
	}
	for path, to := range map[string]*string{"ami-id": &id.ImageID, "instance-type": &id.InstanceType, "placement/region": &id.Region,
		"tags/instance/aws:autoscaling:groupName": &id.Group, "tags/instance/eks:cluster-name": &id.Cluster} {
		// Tags are there only where the instance's owner allowed it.
		if *to, err = w.get(ctx, path); err != nil {
			return id, err
		}
	}
	return id, nil
}

// task asks the metadata of the ECS task that this is, if it is one
// (ECS task metadata endpoint version 4).
func (w *Watcher) task(ctx context.Context) (id Identity, ok bool) {
	endpoint := os.Getenv("ECS_CONTAINER_METADATA_URI_V4")
	if endpoint == "" {
		return id, false
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/task", nil)
	if err != nil {
		return id, false
	}
	resp, err := w.http.Do(r)
	if err != nil {
		return id, false
	}
	defer resp.Body.Close()
	return readTask(io.LimitReader(resp.Body, maxAnswer))
}

// readTask reads the answer of the ECS endpoint.
func readTask(r io.Reader) (id Identity, ok bool) {
	var task struct {
		Cluster, TaskARN, AvailabilityZone string
	}
	if json.NewDecoder(r).Decode(&task) != nil || task.TaskARN == "" {
		return id, false
	}
	id.Cluster, id.Task = task.Cluster, task.TaskARN
	if zone := task.AvailabilityZone; zone != "" {
		id.Region = zone[:len(zone)-1]
	}
	return id, true
}
