package awsclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/firewatch-agent/firewatch/alert"
)

var errNoRegion = errors.New("no region is set, and no instance metadata tells one")

// Load reads the SDK's configuration: its default chain of credentials, no
// retries (the outbox has the one retry policy), connections that open within
// 3 s. It uses the SDK's own HTTP client, since any other one fails where
// AWS_CA_BUNDLE is set. region and profile may be "".
func Load(ctx context.Context, region, profile string) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Timeout = 3 * time.Second })
	options := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(client),
		awsconfig.WithLogger(logging.Nop{}), // an error comes back; nothing is said twice
		// The instance's role and region by IMDSv2 alone.
		awsconfig.WithEC2RoleCredentialOptions(func(o *ec2rolecreds.Options) { o.Client = metadata() }),
		awsconfig.WithEC2IMDSRegion(func(o *awsconfig.UseEC2IMDSRegion) { o.Client = metadata() }),
		awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	}
	if region != "" {
		options = append(options, awsconfig.WithRegion(region))
	}
	if profile != "" {
		options = append(options, awsconfig.WithSharedConfigProfile(profile))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		var op *smithy.OperationError
		if errors.As(err, &op) && op.Operation() == "GetRegion" {
			return cfg, fmt.Errorf("%w: %w", alert.ErrCredentials, errNoRegion)
		}
		return cfg, fmt.Errorf("%w: load AWS configuration: %w", alert.ErrCredentials, err)
	}
	cfg.HTTPClient = bounded{cfg.HTTPClient}
	return cfg, nil
}

// metadata is a client of the instance metadata that never falls back to
// version 1.
func metadata() *imds.Client {
	client := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: time.Second}).DialContext, MaxIdleConns: 1}, Timeout: 2 * time.Second}
	return imds.New(imds.Options{HTTPClient: client, Retryer: aws.NopRetryer{}, EnableFallback: aws.FalseTernary})
}

// bounded puts an end to every answer's body: the SDK reads and drains answers
// without a limit. It goes around the client after loading, since with
// AWS_CA_BUNDLE the SDK takes no client but its own.
type bounded struct{ inner aws.HTTPClient }

// Do implements aws.HTTPClient.
func (b bounded) Do(r *http.Request) (*http.Response, error) {
	resp, err := b.inner.Do(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, alert.MaxAnswer), resp.Body}
	return resp, nil
}
