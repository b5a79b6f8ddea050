package awsfake

import (
	"fmt"
	"net/http"
	"net/url"
)

// setInstanceHealth is Auto Scaling's operation (API version 2011-01-01); it takes
// the call for each instance that AddInstance named.
func (s *Server) setInstanceHealth(w http.ResponseWriter, form url.Values) {
	id, status := form.Get("InstanceId"), form.Get("HealthStatus")
	switch grace := form.Get("ShouldRespectGracePeriod"); {
	case form.Get("Version") != "2011-01-01":
		queryError(w, http.StatusBadRequest, "InvalidAction", "no such version")
	case status != "Healthy" && status != "Unhealthy", grace != "" && grace != "true" && grace != "false":
		queryError(w, http.StatusBadRequest, "ValidationError", "HealthStatus "+status)
	case s.instances[id] == "":
		queryError(w, http.StatusBadRequest, "ValidationError", "Instance Id not found - "+id)
	default:
		s.instances[id] = status
		fmt.Fprintf(w, `<SetInstanceHealthResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><ResponseMetadata><RequestId>r-%d</RequestId></ResponseMetadata></SetInstanceHealthResponse>`, s.requests)
	}
}

// AddInstance puts a healthy instance into an Auto Scaling group.
func (s *Server) AddInstance(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instances[id] = "Healthy"
}

// Health is the health of an instance as its group has it; "" = not known.
func (s *Server) Health(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances[id]
}
