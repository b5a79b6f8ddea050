// Package sns delivers alerts to an Amazon SNS topic, standard or FIFO.
//
// The message is the alert as JSON (schema 1, docs/alert-schema.md); what filter
// policies need is in message attributes. On a standard topic subscribers by mail
// and SMS get plain text instead. On a FIFO topic the alert's key is the
// de-duplication id and the incident the group, so that SNS itself drops a repeat
// within five minutes and keeps the order of an incident. An alert that is larger
// than the topic takes is cut, what explains before what says.
//
// The region is that of the topic's ARN. For failover to another region, name two
// sinks in a route's failover list.
package sns
