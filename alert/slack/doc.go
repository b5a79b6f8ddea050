// Package slack delivers alerts to a Slack channel, with a bot token or an
// incoming webhook.
//
// With a token each incident is one message: the firing alert posts it, updates
// and the resolution edit it. A webhook cannot edit, so there each alert is a
// message. All text from the host is escaped: it can neither mention anyone nor
// make a link.
package slack
