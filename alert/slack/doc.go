// Package slack delivers alerts to a Slack channel, with a bot token or an
// incoming webhook.
//
// With a token each incident is one message. The first alert posts it; progress
// and the resolution edit it, silently. What must be heard (a higher severity, a
// critical member that is new or was well, a reminder) is also said in the
// message's thread, and shown in the channel. A webhook cannot edit, so there each alert is a message.
//
// The message answers what, since when, how bad against normal, who did it and
// what to do next, with a chart of the last hour where a [Trend] is given and
// Slack takes the chart, else with a line of block characters. Blocks that Slack
// refuses never cost the alert: it goes again within the same Send as text.
//
// All text from the host is escaped: it can neither mention anyone nor make a
// link. At most one message a second is sent.
package slack
