package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// chain is what a TLS server showed: kept whether it is trusted or not, so that
// an expiry is measured before and after the day.
type chain struct {
	shown bool
	until time.Time
	err   error // why it is not trusted
}

// tlsConfig verifies the server by itself, after it has noted the chain. roots
// are those of the system, or of ca_file alone; host is whom the newest request
// is for.
func (c *chain) tlsConfig(cfg Config, host *string) (*tls.Config, error) {
	var roots *x509.CertPool
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read ca_file %s: no certificate in it", cfg.CAFile)
		}
	}
	return &tls.Config{ServerName: cfg.ServerName, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			name := *host // an address is no server name, and is verified too
			if cfg.ServerName != "" {
				name = cfg.ServerName
			}
			c.note(s.PeerCertificates, roots, name)
			if c.err != nil {
				return &failure{tlsFailed, fmt.Errorf("verify certificate: %w", c.err)}
			}
			return nil
		}}, nil
}

// note verifies a chain as crypto/tls would.
func (c *chain) note(shown []*x509.Certificate, roots *x509.CertPool, host string) {
	if len(shown) == 0 {
		c.err = errors.New("the server shows no certificate")
		return
	}
	between := x509.NewCertPool()
	c.shown, c.until = true, shown[0].NotAfter
	for _, cert := range shown[1:] {
		between.AddCert(cert)
		if cert.NotAfter.Before(c.until) {
			c.until = cert.NotAfter
		}
	}
	_, c.err = shown[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between})
}

// values are what the chain gives to measure.
func (c *chain) values(out *outcome) {
	if !c.shown {
		return
	}
	trusted := 1.0
	if c.err != nil {
		trusted = 0
	}
	out.add("probe_tls_expiry", time.Until(c.until).Seconds())
	out.add("probe_tls_trusted", trusted)
}

// tlsAttempt connects, shakes hands and verifies the chain.
func tlsAttempt(ctx context.Context, c Config) (out outcome, err error) {
	host, _, err := net.SplitHostPort(c.Target)
	if err != nil {
		return out, fmt.Errorf("connect: %w", err)
	}
	var seen chain
	cfg, err := seen.tlsConfig(c, &host)
	if err != nil {
		return out, err
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.Target)
	if err != nil {
		return out, fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing can be lost
	out.took("probe_connect_duration", began)
	began = time.Now()
	secure := tls.Client(conn, cfg)
	err = secure.HandshakeContext(ctx)
	seen.values(&out)
	if err != nil {
		if classOf(err) == timedOut {
			return out, err
		}
		return out, &failure{tlsFailed, err}
	}
	out.took("probe_tls_duration", began)
	return out, nil
}
