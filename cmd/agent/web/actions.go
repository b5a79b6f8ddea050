package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// silenceFor is how long the page's button silences.
const silenceFor = time.Hour

// csrfToken is what a form must bring: nobody who cannot read the page knows it.
// It is derived from the listener's token, so it needs no state. "" without a
// token: then the page only shows.
func csrfToken(token conf.Secret) string {
	if token.IsZero() {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(token.Reveal()))
	mac.Write([]byte("firewatch page forms"))
	return hex.EncodeToString(mac.Sum(nil))
}

// forms writes the two buttons of an incident.
func (p *page) forms(w io.Writer, i *alert.Incident) {
	if i.State != alert.Firing {
		return
	}
	if p.csrf == "" {
		fmt.Fprintf(w, "<p class=\"quiet\">Take it on with <code>firewatch ack %s</code>; buttons appear here once [http] has a token_file.</p>", esc(i.ID))
		return
	}
	form := func(action, label string) {
		fmt.Fprintf(w, `<form method="post" action="%s"><input type="hidden" name="csrf" value="%s"><input type="hidden" name="id" value="%s"><button>%s</button></form>`, action, p.csrf, esc(i.ID), label)
	}
	fmt.Fprint(w, `<div class="actions">`)
	if i.Acknowledged == nil {
		form("/ack", "Acknowledge")
	}
	form("/silence", "Silence for 1 h")
	fmt.Fprint(w, "</div>")
}

// act guards what changes something: a form of this page, sent by this page.
// A browser says where a form comes from (Fetch Metadata, Origin: RFC 6454),
// and other programs bring the token of the form all the same.
func (p *page) act(do func(ctx context.Context, id string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch site := r.Header.Get("Sec-Fetch-Site"); {
		case p.csrf == "":
			http.Error(w, "this listener has no token, so it only shows; set [http] token_file", http.StatusForbidden)
			return
		case site != "" && site != "same-origin", !sameOrigin(r), !hmac.Equal([]byte(r.PostFormValue("csrf")), []byte(p.csrf)):
			http.Error(w, "this form did not come from the page of this agent; load it again", http.StatusForbidden)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		switch err := do(ctx, r.PostFormValue("id")); {
		case errors.Is(err, alert.ErrUnknownIncident):
			http.Error(w, "that incident is not open any more", http.StatusNotFound)
		case err != nil:
			http.Error(w, "not done: "+err.Error(), http.StatusServiceUnavailable)
		default:
			http.Redirect(w, r, "/#h-inc", http.StatusSeeOther)
		}
	}
}

func sameOrigin(r *http.Request) bool {
	o := r.Header.Get("Origin")
	if o == "" {
		return true // not a browser, or an old one: the form's token decides
	}
	u, err := url.Parse(o)
	return err == nil && u.Host == r.Host
}

func (p *page) acknowledge(ctx context.Context, id string) error {
	return p.agent.Acknowledge(ctx, id, "the page")
}

// silence silences the rule and target of an incident.
func (p *page) silence(ctx context.Context, id string) error {
	for _, i := range p.agent.Incidents() {
		if i.ID == id {
			_, err := p.agent.AddSilence(ctx, alert.Silence{Rule: i.Rule, Target: i.Target, Until: time.Now().Add(silenceFor), By: "the page"})
			return err
		}
	}
	return alert.ErrUnknownIncident
}
