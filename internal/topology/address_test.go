package topology

import (
	"fmt"
	"testing"

	"sluice/internal/engine"
)

func TestServicesKeepTheirAddresses(t *testing.T) {
	first, err := addresses("10.213.7.0/24", []string{"a", "b"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if first["a"] != "10.213.7.10" || first["b"] != "10.213.7.11" {
		t.Errorf("addresses = %v", first)
	}
	previous := &engine.Spec{Subnet: "10.213.7.0/24"}
	for _, name := range []string{"a", "b"} {
		previous.Services = append(previous.Services, engine.Service{Container: engine.Container{Name: name}, Address: first[name]})
	}
	second, err := addresses("10.213.7.0/24", []string{"0new", "b"}, previous)
	if err != nil {
		t.Fatal(err)
	}
	if second["b"] != first["b"] {
		t.Errorf("b moved from %s to %s", first["b"], second["b"])
	}
	if second["0new"] == first["a"] || second["0new"] == first["b"] {
		t.Errorf("the new service got the address %s of a running one", second["0new"])
	}
}

func TestTooManyServices(t *testing.T) {
	names := make([]string, 200)
	for i := range names {
		names[i] = fmt.Sprintf("s%03d", i)
	}
	if _, err := addresses("10.213.7.0/24", names, nil); err == nil {
		t.Error("200 services fit into half a /24")
	}
}
