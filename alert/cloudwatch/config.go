package cloudwatch

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/firewatch-agent/firewatch/internal/awsclient"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is one [[sink.cloudwatch]].
type Config struct {
	Name      string   `toml:"name"`
	Region    string   `toml:"region"`    // default the SDK's: AWS_REGION, the profile, the instance
	Namespace string   `toml:"namespace"` // default CWAgent
	Endpoint  string   `toml:"endpoint"`  // of a VPC endpoint or a test server; default AWS's own
	Profile   string   `toml:"profile"`   // of the shared config
	Metrics   []string `toml:"metrics"`   // series to publish: "name" or "name:target"; default DefaultMetrics; [] = none
}

// DefaultMetrics are the series published where the configuration names none:
// few, since each costs about $0.30 a month.
func DefaultMetrics() []string {
	return []string{"cpu_usage_active", "cpu_usage_iowait", "mem_used_percent", "swap_used_percent", "disk_used_percent:/", "disk_inodes_used_percent:/",
		"pressure_cpu_some_avg10", "pressure_io_some_avg10", "pressure_memory_some_avg10", "host_saturation", "netstat_tcp_retrans_percent", "system_load1"}
}

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	faults := conf.ValidateSinkName(c.Name)
	if strings.HasPrefix(c.Namespace, "AWS/") || len(c.Namespace) > 255 {
		faults = append(faults, conf.Fault{Path: "namespace", Problem: fmt.Sprintf("namespace %q is not allowed", c.Namespace), Hint: "at most 255 characters, not beginning with AWS/"})
	}
	if len(c.Metrics) > 500 {
		faults = append(faults, conf.Fault{Path: "metrics", Problem: fmt.Sprintf("%d metrics, at most 500", len(c.Metrics)), Hint: "each costs about $0.30 a month"})
	}
	return append(faults, conf.ValidateEndpoint(c.Endpoint)...)
}

func (c Config) namespace() string {
	if c.Namespace == "" {
		return "CWAgent"
	}
	return c.Namespace
}

// connection makes the client when it is first needed: looking for credentials
// and region can take seconds and must not delay the start.
type connection struct {
	cfg    Config
	mu     sync.Mutex
	client *cloudwatch.Client
}

func (c *connection) get(ctx context.Context) (*cloudwatch.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil {
		return c.client, nil
	}
	cfg, err := awsclient.Load(ctx, c.cfg.Region, c.cfg.Profile)
	if err != nil {
		return nil, err
	}
	c.client = cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
		if c.cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.cfg.Endpoint)
		}
	})
	return c.client, nil
}
