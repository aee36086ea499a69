package gitserve

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
)

func TestFramesArriveAsTheyWereSent(t *testing.T) {
	var wire, got bytes.Buffer
	text := strings.Repeat("a line\n", 20_000)
	if _, err := (frameWriter{&wire}).Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writeFrame(&wire, frameExit, []byte{1}); err != nil {
		t.Fatal(err)
	}
	status, err := receiveOutput(&wire, &got)
	if err != nil || status != 1 || got.String() != text {
		t.Errorf("got %d bytes, status %d, %v", got.Len(), status, err)
	}
}

func TestPushOptions(t *testing.T) {
	got := pushOptions(variables([]string{"GIT_PUSH_OPTION_COUNT=4", "GIT_PUSH_OPTION_0=a=1=2", "GIT_PUSH_OPTION_1=b", "GIT_PUSH_OPTION_2=a=3", "GIT_PUSH_OPTION_3="}))
	if diff := cmp.Diff(map[string]string{"a": "3", "b": "", "": ""}, got); diff != "" {
		t.Error(diff)
	}
	if got := pushOptions(variables([]string{"GIT_PUSH_OPTION_COUNT=999999999"})); len(got) > maxOptions {
		t.Errorf("got %d options", len(got))
	}
}

func FuzzReadCall(f *testing.F) {
	var wire bytes.Buffer
	if err := writeCall(&wire, call{Token: "t", Hook: preReceive, Updates: []platform.RefUpdate{{Ref: "refs/heads/main"}}}); err != nil {
		f.Fatal(err)
	}
	f.Add(wire.Bytes())
	f.Add([]byte("c\xff\xff\xff\xff"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = readCall(bytes.NewReader(b)) })
}

func FuzzParseUpdates(f *testing.F) {
	f.Add("0 1 refs/heads/a b\n")
	f.Add("\n")
	f.Fuzz(func(t *testing.T, text string) {
		updates, err := parseUpdates(strings.NewReader(text))
		for _, u := range updates {
			if err == nil && strings.ContainsAny(u.Old+u.New, " \n") {
				t.Errorf("got %+v", u)
			}
		}
	})
}
