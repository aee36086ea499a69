package apiv1_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/apiv1"
)

// TestWireForms checks the forms that other clients rely on, both ways.
func TestWireForms(t *testing.T) {
	type doc struct {
		At    apiv1.Time       `json:"at"`
		Never apiv1.Time       `json:"never"`
		Some  apiv1.NullString `json:"some"`
		None  apiv1.NullString `json:"none"`
		Links apiv1.Links      `json:"_links"`
	}
	want := doc{
		At:   apiv1.Time{Time: time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)},
		Some: "x",
		Links: apiv1.Links{
			"self":      {Hrefs: []string{"/a"}},
			"pf:routes": {Hrefs: []string{"https://x/"}, List: true},
		},
	}
	const text = `{"at":"2026-01-31T12:00:00.123456+00:00","never":null,"some":"x","none":null,` +
		`"_links":{"pf:routes":[{"href":"https://x/"}],"self":{"href":"/a"}}}`
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(data)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	var got doc
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if !got.At.Equal(want.At.Time) || !got.Never.IsZero() || got.Some != "x" || got.None != "" {
		t.Errorf("read back = %+v, want %+v", got, want)
	}
	if diff := cmp.Diff(want.Links, got.Links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

func TestFramesSurviveTheWire(t *testing.T) {
	var wire bytes.Buffer
	long := bytes.Repeat([]byte("x"), apiv1.MaxFrame+1)
	if _, err := (apiv1.FrameWriter{W: &wire, Type: apiv1.FrameStdout}).Write(long); err != nil {
		t.Fatal(err)
	}
	if err := apiv1.WriteFrame(&wire, apiv1.FrameExit, apiv1.EncodeExit(-1)); err != nil {
		t.Fatal(err)
	}
	var lengths []int
	for {
		kind, payload, err := apiv1.ReadFrame(&wire)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind == apiv1.FrameExit {
			if code, err := apiv1.DecodeExit(payload); err != nil || code != -1 {
				t.Errorf("exit status = %d, %v; want -1", code, err)
			}
		}
		lengths = append(lengths, len(payload))
	}
	if diff := cmp.Diff([]int{apiv1.MaxFrame, 1, 4}, lengths); diff != "" {
		t.Errorf("payloads (-want +got):\n%s", diff)
	}
}

func TestReadFrameRefusesWhatIsNoFrame(t *testing.T) {
	for name, wire := range map[string]string{
		"too long":    "\x00\xff\xff\xff\xff",
		"cut header":  "\x00\x00",
		"cut payload": "\x00\x00\x00\x00\x05abc",
	} {
		t.Run(name, func(t *testing.T) {
			if kind, payload, err := apiv1.ReadFrame(strings.NewReader(wire)); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("ReadFrame = %d, %q, %v; want an error that is not the end", kind, payload, err)
			}
		})
	}
}

func TestNewClientRefusesOtherAddresses(t *testing.T) {
	for _, address := range []string{"", "localhost:8080", "ftp://x", "http://", "http://[::1"} {
		if _, err := apiv1.NewClient(address, "", apiv1.Options{}); err == nil {
			t.Errorf("NewClient(%q) succeeded", address)
		}
	}
	c, err := apiv1.NewClient("https://user:secret@example.com/base/?q#f", "", apiv1.Options{})
	if err != nil || c.Server() != "https://example.com/base" {
		t.Errorf("server = %v, %v; want it without credentials", c, err)
	}
}
