package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Client speaks with the agent behind a unix socket.
type Client struct {
	path string
	http *http.Client
}

// NewClient makes a client; it connects with the first request.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", path)
	}
	return &Client{path, &http.Client{Timeout: 75 * time.Second, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// ErrNoAgent says that no agent answers at the socket.
var ErrNoAgent = errors.New("no agent runs here")

// AnswerError is an answer that is no success.
type AnswerError struct {
	Status int
	Problem
}

// Error implements error.
func (e *AnswerError) Error() string {
	s := e.Problem.Error
	if s == "" {
		s = fmt.Sprintf("the agent answered status %d", e.Status)
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Get reads path into v.
func (c *Client) Get(ctx context.Context, path string, v any) error {
	return c.do(ctx, http.MethodGet, path, nil, "", v)
}

// Post sends in as JSON, with an idempotency key or "", and reads the answer
// into v.
func (c *Client) Post(ctx context.Context, path string, in any, key string, v any) error {
	return c.do(ctx, http.MethodPost, path, in, key, v)
}

// Delete asks for path to be removed.
func (c *Client) Delete(ctx context.Context, path string, in any) error {
	return c.do(ctx, http.MethodDelete, path, in, "", nil)
}

func (c *Client) do(ctx context.Context, method, path string, in any, key string, v any) error {
	var send io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		send = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, send)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return clientError(err, c.path)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("read the agent's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		e := &AnswerError{Status: resp.StatusCode}
		_ = json.Unmarshal(b, &e.Problem)
		return e
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read the agent's answer: %w", err)
	}
	return nil
}

// clientError says what to do where no answer came.
func clientError(err error, path string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing answers at %s; start one with 'firewatch run', or name its directory with --state-dir", ErrNoAgent, path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open %s: permission denied; run as root or join the group firewatch", path)
	}
	return fmt.Errorf("ask the agent: %w", err)
}
