// Package web is how others speak with a running agent: the unix socket with
// its HTTP API and the Client for it, and the two optional TCP listeners, [http] with
// the status page and /metrics, and [health] for load balancers and kubelets.
//
// Whatever comes in is bounded: headers, bodies, times and connections. Beyond
// loopback [http] demands TLS and a token, and it always checks Host, so that a
// page in somebody's browser cannot read it by DNS rebinding.
package web
