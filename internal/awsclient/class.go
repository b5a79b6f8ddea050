// Package awsclient is what the sinks that use the AWS SDK share: loading its
// configuration without delay or retries, and classing its errors.
package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/firewatch-agent/firewatch/alert"
)

// Codes of AWS's common errors (CloudWatch and SNS API references, "Common
// Errors") that a person can mend, and those that ask to wait.
var (
	mendable = []string{"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature",
		"InvalidClientTokenId", "InvalidSecurity", "InvalidSecurityException", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized", "NotFound", "NotFoundException",
		"OptInRequired", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException", "KMSAccessDenied", "KMSDisabled", "KMSInvalidState", "KMSNotFound", "KMSOptInRequired"}
	throttling = []string{"Throttling", "ThrottlingException", "ThrottledException", "Throttled", "TooManyRequestsException", "RequestLimitExceeded", "LimitExceeded", "LimitExceededFault",
		"RequestThrottled", "RequestThrottledException", "KMSThrottling", "SlowDown", "PriorRequestNotComplete", "BandwidthLimitExceeded"}
)

// Class wraps an error of an SDK call by what can be done about it: credentials
// that are missing, expired or without permission (and a topic that is not
// there) are alert.ErrCredentials, throttling is an *alert.ThrottledError, other
// 4xx answers are alert.ErrPermanent, all else may be tried again.
func Class(ctx context.Context, what string, err error) error {
	wrapped := fmt.Errorf("%s: %w", what, alert.WithoutURL(err))
	var answer *smithyhttp.ResponseError
	header, status := http.Header{}, 0
	if errors.As(err, &answer) && answer.Response != nil {
		header, status = answer.Response.Header, answer.HTTPStatusCode()
	}
	after, _ := alert.RetryAfter(header)
	var api smithy.APIError
	if errors.As(err, &api) {
		switch code := api.ErrorCode(); {
		case slices.Contains(throttling, code):
			return &alert.ThrottledError{After: after, Err: wrapped}
		case slices.Contains(mendable, code):
			return fmt.Errorf("%w: %w", alert.ErrCredentials, wrapped)
		}
	}
	if status != 0 && status != http.StatusOK {
		return alert.AnswerError(status, header, wrapped)
	}
	// smithy-go gives no type to a failure of the credential chain.
	if text := err.Error(); ctx.Err() == nil && (strings.Contains(text, "get identity:") || strings.Contains(text, "get credentials:")) {
		return fmt.Errorf("%w: %w", alert.ErrCredentials, wrapped)
	}
	return wrapped
}
