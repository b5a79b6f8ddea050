package awsclient

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/aws/smithy-go"
)

// Hint says what a person can do about an error of Class or Load; "" where it is
// not known, or where what lacks is the permission that was asked for.
func Hint(err error) string {
	var api smithy.APIError
	var dns *net.DNSError
	var op *smithy.OperationError
	code := ""
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	switch {
	case strings.HasPrefix(code, "ExpiredToken"), code == "RequestExpired":
		return "the credentials have expired: renew them, or set the host's clock"
	case code == "InvalidClientTokenId", code == "SignatureDoesNotMatch", code == "IncompleteSignature", strings.HasPrefix(code, "UnrecognizedClient"), strings.HasPrefix(code, "InvalidSecurity"):
		return "AWS does not know these credentials: look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile or the role, and the host's clock"
	case strings.HasPrefix(code, "NotFound"):
		return "it is not there: look at the ARN, and at whose account these credentials are"
	case errors.Is(err, errNoRegion):
		return "set region in the sink, AWS_REGION, or the profile's region"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "is the region spelled right? Else look at the name server"
	case errors.As(err, &op) && strings.Contains(err.Error(), "get credentials:") && !errors.Is(err, context.DeadlineExceeded):
		return "no credentials were found: give the host a role, or set profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	case strings.Contains(err.Error(), "failed to get shared config profile"):
		return "there is no such profile in ~/.aws of the user who runs this: look at profile and AWS_PROFILE"
	}
	return ""
}
