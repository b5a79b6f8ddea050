package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// redisAttempt connects, logs in where a password is set, and asks PING and INFO
// replication (https://redis.io/docs/latest/develop/reference/protocol-spec/,
// RESP2).
func redisAttempt(ctx context.Context, c Config) (out outcome, err error) {
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.Target)
	if err != nil {
		return out, fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing can be lost
	if until, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(until); err != nil {
			return out, fmt.Errorf("connect: %w", err)
		}
	}
	out.took("probe_connect_duration", began)
	r := bufio.NewReader(io.LimitReader(conn, maxBody))
	ask := func(words ...string) (string, error) {
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
		}
		if _, err := conn.Write([]byte(b.String())); err != nil {
			return "", fmt.Errorf("ask %s: %w", words[0], err)
		}
		answer, err := readRESP(r)
		if err != nil {
			return "", fmt.Errorf("ask %s: %w", words[0], err)
		}
		return answer, nil
	}
	password, err := conf.FileOr(c.Password, c.PasswordFile)
	if err != nil {
		return out, &failure{refused, err}
	}
	if !password.IsZero() {
		words := []string{"AUTH", password.Reveal()}
		if c.User != "" {
			words = []string{"AUTH", c.User, password.Reveal()}
		}
		if _, err := ask(words...); err != nil {
			return out, err
		}
	}
	began = time.Now()
	if _, err := ask("PING"); err != nil {
		return out, err
	}
	out.took("probe_query_duration", began)
	info, err := ask("INFO", "replication")
	if err != nil {
		return out, err
	}
	return out, redisRole(info, &out, c.Expect.Role)
}

// redisRole reads INFO replication
// (https://redis.io/docs/latest/commands/info/).
func redisRole(info string, out *outcome, expect string) error {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			fields[name] = value
		}
	}
	number := func(metric, name string) {
		if v, err := strconv.ParseFloat(fields[name], 64); err == nil && v >= 0 {
			out.add(metric, v)
		}
	}
	switch fields["role"] {
	case "master":
		return out.role("primary", expect)
	case "slave":
		if fields["master_link_status"] == "up" {
			number("probe_replication_lag", "master_last_io_seconds_ago")
		} else {
			number("probe_replication_lag", "master_link_down_since_seconds")
		}
		return out.role("replica", expect)
	}
	return &failure{other, errors.New("INFO replication names no role")}
}

// readRESP reads one answer that is a line or a text.
func readRESP(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", &failure{other, errors.New("not an answer of Redis")}
	}
	switch kind, rest := line[0], line[1:]; kind {
	case '+', ':':
		return rest, nil
	case '-':
		class := other
		if strings.HasPrefix(rest, "NOAUTH") || strings.HasPrefix(rest, "WRONGPASS") || strings.HasPrefix(rest, "NOPERM") || strings.HasPrefix(rest, "ERR invalid password") {
			class = refused
		}
		word, _, _ := strings.Cut(rest, " ")
		return "", &failure{class, fmt.Errorf("the server answers %.40q", word)}
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 || n > maxBody {
			return "", &failure{other, errors.New("not an answer of Redis")}
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		return string(b[:n]), nil
	}
	return "", &failure{other, errors.New("not an answer of Redis")}
}
