package awsfake

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// Limits of PutMetricData (CloudWatch API reference, PutMetricData and
// MetricDatum).
const (
	maxData       = 1000
	maxBody       = 1 << 20
	maxDimensions = 30
	maxValues     = 150
	oldest        = 14 * 24 * time.Hour
	newest        = 2 * time.Hour
)

// cloudwatch answers every operation of CloudWatch.
func (s *Server) cloudwatch(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	operation := r.PathValue("operation")
	if status, header, code := s.failing(operation); status != 0 {
		for k, v := range header {
			w.Header()[k] = v
		}
		refuse(w, status, code, "as the test asks")
		return
	}
	if r.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		refuse(w, http.StatusForbidden, "MissingAuthenticationTokenException", "not a signed rpc-v2-cbor request")
		return
	}
	in, status, err := readBody(w, r)
	if err != nil {
		code := "SerializationException"
		if status == http.StatusRequestEntityTooLarge {
			code = "RequestEntityTooLarge"
		}
		refuse(w, status, code, err.Error())
		return
	}
	var out cbor.Value
	var no *refusal
	switch operation {
	case "PutMetricData":
		no = s.putMetricData(in)
	case "PutMetricAlarm":
		no = s.putMetricAlarm(in)
	case "DescribeAlarms":
		out, no = s.describeAlarms(in)
	case "DeleteAlarms":
		no = s.deleteAlarms(in)
	case "ListTagsForResource":
		out, no = s.listTags(in)
	default:
		no = &refusal{"InvalidAction", operation}
	}
	if no != nil {
		refuse(w, http.StatusBadRequest, no.code, no.why)
		return
	}
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("X-Amzn-Requestid", fmt.Sprintf("cw-%d", s.requests))
	if out == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.Header().Set("Content-Type", "application/cbor")
	_, _ = w.Write(cbor.Encode(out)) // the reader is gone: nobody to tell
}

// refusal is the service's own error about a request.
type refusal struct{ code, why string }

// readBody reads a request's CBOR map, at most 1 MB as it comes over the wire.
func readBody(w http.ResponseWriter, r *http.Request) (cbor.Map, int, error) {
	var body io.Reader = http.MaxBytesReader(w, r.Body, maxBody)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, http.StatusBadRequest, err
		}
		body = io.LimitReader(z, 16<<20)
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, http.StatusRequestEntityTooLarge, err
	}
	v, err := cbor.Decode(raw)
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	m, ok := v.(cbor.Map)
	if !ok {
		return nil, http.StatusBadRequest, errors.New("not a map")
	}
	return m, http.StatusOK, nil
}

func (s *Server) putMetricData(in cbor.Map) *refusal {
	data, code, why := readData(in, s.clock())
	if code != "" {
		return &refusal{code, why}
	}
	for _, d := range data {
		if s.poison[d.Metric] {
			return &refusal{badParameter, d.Metric}
		}
	}
	s.data = append(s.data, data...)
	return nil
}

// refuse answers with a Smithy RPC v2 CBOR error.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	w.WriteHeader(status)
	_, _ = w.Write(cbor.Encode(cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch#" + code), "message": cbor.String(message)}))
}

const badParameter = "InvalidParameterValueException"

// readData decodes a request; code and why say what is wrong with it.
func readData(m cbor.Map, now time.Time) (data []Datum, code, why string) {
	namespace, _ := m["Namespace"].(cbor.String)
	if n := len(namespace); n == 0 || n > 255 || strings.HasPrefix(string(namespace), "AWS/") {
		return nil, badParameter, "Namespace"
	}
	list, _ := m["MetricData"].(cbor.List)
	if len(list) == 0 || len(list) > maxData {
		return nil, badParameter, fmt.Sprintf("%d metric data, at most %d", len(list), maxData)
	}
	for _, item := range list {
		d, why := readDatum(item)
		if why == "" {
			why = d.wrong(now)
		}
		if why != "" {
			return nil, badParameter, why
		}
		d.Namespace = string(namespace)
		data = append(data, d)
	}
	return data, "", ""
}

func readDatum(v cbor.Value) (Datum, string) {
	m, ok := v.(cbor.Map)
	if !ok {
		return Datum{}, "MetricDatum is not a map"
	}
	d := Datum{Dimensions: map[string]string{}, Statistics: map[string]float64{}}
	name, _ := m["MetricName"].(cbor.String)
	unit, _ := m["Unit"].(cbor.String)
	d.Metric, d.Unit = string(name), string(unit)
	d.Value, d.Single = float(m["Value"])
	if resolution, has := float(m["StorageResolution"]); has {
		d.Resolution = int(resolution)
		if resolution != 1 && resolution != 60 {
			return d, d.Metric + ": StorageResolution is 1 or 60"
		}
	}
	dimensions, _ := m["Dimensions"].(cbor.List)
	for _, x := range dimensions {
		dm, _ := x.(cbor.Map)
		n, _ := dm["Name"].(cbor.String)
		v, _ := dm["Value"].(cbor.String)
		if _, twice := d.Dimensions[string(n)]; twice || n == "" || v == "" || len(v) > 1024 || !ascii(string(v)) {
			return d, fmt.Sprintf("dimension %q = %q", n, v)
		}
		d.Dimensions[string(n)] = string(v)
	}
	for key, to := range map[string]*[]float64{"Values": &d.Values, "Counts": &d.Counts} {
		l, _ := m[key].(cbor.List)
		for _, x := range l {
			f, _ := float(x)
			*to = append(*to, f)
		}
	}
	stats, _ := m["StatisticValues"].(cbor.Map)
	for k, x := range stats {
		d.Statistics[k], _ = float(x)
	}
	if tag, ok := m["Timestamp"].(*cbor.Tag); ok {
		d.Timestamp, _ = float(tag.Value)
	}
	return d, ""
}

func float(v cbor.Value) (float64, bool) {
	switch v := v.(type) {
	case cbor.Float64:
		return float64(v), true
	case cbor.Float32:
		return float64(v), true
	case cbor.Uint:
		return float64(v), true
	case cbor.NegInt:
		return -float64(v), true
	}
	return 0, false
}

// wrong says which limit a datum breaks, "" = none.
func (d Datum) wrong(now time.Time) string {
	forms := 0
	for _, has := range []bool{d.Single, len(d.Values) > 0, len(d.Statistics) > 0} {
		if has {
			forms++
		}
	}
	switch {
	case d.Metric == "" || len(d.Metric) > 255:
		return "MetricName"
	case forms != 1:
		return d.Metric + ": exactly one of Value, Values and StatisticValues"
	case len(d.Dimensions) > maxDimensions:
		return d.Metric + ": more than 30 dimensions"
	case len(d.Values) > maxValues || len(d.Counts) != 0 && len(d.Counts) != len(d.Values):
		return d.Metric + ": Values and Counts"
	}
	all := append([]float64{d.Value}, d.Values...)
	for _, v := range d.Statistics {
		all = append(all, v)
	}
	for _, v := range all {
		if math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) > math.Pow(2, 360) {
			return d.Metric + ": value is not a number within ±2^360"
		}
	}
	if d.Timestamp != 0 {
		at := time.UnixMilli(int64(d.Timestamp * 1000))
		if at.Before(now.Add(-oldest)) || at.After(now.Add(newest)) {
			return d.Metric + ": Timestamp is out of range"
		}
	}
	return ""
}

func ascii(s string) bool {
	for _, c := range s {
		if c < 32 || c > 126 {
			return false
		}
	}
	return true
}
