package awsfake

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// InstanceHealth is one SetInstanceHealth that was taken.
type InstanceHealth struct {
	InstanceID, Status string
	RespectGracePeriod bool
}

// SetGroup makes an instance a member of an Auto Scaling group.
func (s *Server) SetGroup(instance, group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.group[instance] = group
}

// Health lists what SetInstanceHealth was called with.
func (s *Server) Health() []InstanceHealth {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.health)
}

// AutoScaling is the endpoint of the Auto Scaling API.
func (s *Server) AutoScaling() string { return s.URL + "/autoscaling" }

// autoScaling answers the operations of Auto Scaling (version 2011-01-01).
func (s *Server) autoScaling(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "text/xml")
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		queryError(w, http.StatusForbidden, "MissingAuthenticationToken", "not a signed form")
		return
	}
	form := r.Form
	action := form.Get("Action")
	if status, header, code := s.failing(action); status != 0 {
		for k, v := range header {
			w.Header()[k] = v
		}
		queryError(w, status, code, "as the test asks")
		return
	}
	switch action {
	case "SetInstanceHealth":
		h := InstanceHealth{form.Get("InstanceId"), form.Get("HealthStatus"), form.Get("ShouldRespectGracePeriod") != "false"}
		if s.group[h.InstanceID] == "" || h.Status != "Healthy" && h.Status != "Unhealthy" {
			queryError(w, http.StatusBadRequest, "ValidationError", "Instance Id not found - No managed instance found for instance ID "+h.InstanceID)
			return
		}
		s.health = append(s.health, h)
		fmt.Fprint(w, `<SetInstanceHealthResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></SetInstanceHealthResponse>`)
	case "DescribeAutoScalingInstances":
		var members strings.Builder
		if group := s.group[form.Get("InstanceIds.member.1")]; group != "" {
			members.WriteString("<member><InstanceId>" + escape(form.Get("InstanceIds.member.1")) + "</InstanceId><AutoScalingGroupName>" + escape(group) +
				"</AutoScalingGroupName><AvailabilityZone>eu-west-1a</AvailabilityZone><HealthStatus>HEALTHY</HealthStatus><LifecycleState>InService</LifecycleState><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>")
		}
		fmt.Fprintf(w, `<DescribeAutoScalingInstancesResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><DescribeAutoScalingInstancesResult><AutoScalingInstances>%s</AutoScalingInstances></DescribeAutoScalingInstancesResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DescribeAutoScalingInstancesResponse>`, members.String())
	default:
		queryError(w, http.StatusBadRequest, "InvalidAction", action)
	}
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
