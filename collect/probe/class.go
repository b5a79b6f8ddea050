package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
)

// The classes of failure, the values of probe_result_code: up to status those
// of Telegraf's http_response.
const (
	success = iota
	textMismatch
	cutShort
	notConnected
	timedOut
	noSuchName
	statusMismatch
	tlsFailed
	refused
	other
	roleMismatch
)

// failure is an error with its class.
type failure struct {
	class int
	err   error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// classOf is the class of an error, by what is in its chain.
func classOf(err error) int {
	var f *failure
	var dns *net.DNSError
	var op *net.OpError
	var certificate *x509.CertificateInvalidError
	var host *x509.HostnameError
	var unknown *x509.UnknownAuthorityError
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return success
	case errors.As(err, &f):
		return f.class
	case errors.As(err, &dns):
		return noSuchName
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return timedOut
	case errors.As(err, &certificate), errors.As(err, &host), errors.As(err, &unknown):
		return tlsFailed
	case errors.As(err, &op) && op.Op == "dial":
		return notConnected
	case errors.As(err, &op):
		return cutShort
	}
	return other
}
