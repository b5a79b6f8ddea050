package awsclient

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/firewatch-agent/firewatch/alert"
)

// TestHint: what a person can mend is named, and a permission that lacks is left
// to its statement.
func TestHint(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for k, v := range map[string]string{"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CA_BUNDLE": "",
		"AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": ""} {
		t.Setenv(k, v)
	}
	code := func(c string) error { return Class(t.Context(), "try", &smithy.GenericAPIError{Code: c}) }
	_, noRegion := Load(t.Context(), "", "")
	_, noProfile := Load(t.Context(), "eu-west-1", "nobody")
	cfg, err := Load(t.Context(), "eu-west-1", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = cfg.Credentials.Retrieve(t.Context())
	none := Class(t.Context(), "try", &smithy.OperationError{ServiceID: "SNS", OperationName: "Publish", Err: fmt.Errorf("get identity: get credentials: %w", err)})
	for _, c := range []struct {
		err  error
		want string
	}{
		{code("ExpiredTokenException"), "expired"}, {code("InvalidClientTokenId"), "does not know these credentials"}, {code("SignatureDoesNotMatch"), "clock"}, {code("NotFound"), "ARN"},
		{noRegion, "AWS_REGION"}, {noProfile, "no such profile"}, {none, "no credentials were found"},
		{Class(t.Context(), "try", &net.DNSError{Name: "sns.eu-west-11.amazonaws.com", IsNotFound: true}), "region spelled right"},
		{code("AccessDenied"), ""}, {code("AuthorizationError"), ""}, {errors.New("connection refused"), ""},
	} {
		if got := Hint(c.err); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
	if !errors.Is(noRegion, alert.ErrCredentials) || strings.Contains(noRegion.Error(), "ec2imds") {
		t.Errorf("without a region: %v", noRegion)
	}
}
