package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"sluice/internal/toolkit/fault"
)

// Doer sends HTTP requests.
type Doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// notifyTimeout bounds every message to a service outside: a deployment must not wait for
// a chat.
const notifyTimeout = 5 * time.Second

// SlackURL is where messages are posted.
const SlackURL = "https://slack.com/api/chat.postMessage"

// Slack is a handler that posts each record to a channel.
type Slack struct {
	Client   Doer
	URL      string
	Token    string
	Channel  string
	Username string
}

// Handle posts a record.
func (h *Slack) Handle(r Record) error {
	body, err := json.Marshal(map[string]any{
		"channel":  h.Channel,
		"username": h.Username,
		"text":     "",
		"attachments": []map[string]any{{
			"fallback": r.Message,
			"title":    "Message",
			"text":     Text(r),
			"color":    slackColour(r.Level),
			"ts":       r.Time.Unix(),
		}},
	})
	if err != nil {
		return err
	}
	return post(h.Client, h.URL, "application/json; charset=utf-8", "Bearer "+h.Token, body, slackAnswer)
}

func slackColour(l fault.Level) string {
	switch {
	case l >= fault.Error:
		return "danger"
	case l >= fault.Warning:
		return "warning"
	case l >= fault.Info:
		return "good"
	}
	return "#e3e4e6"
}

// slackAnswer reads Slack's answer, which is 200 also when the message was refused.
func slackAnswer(body []byte) error {
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("slack did not respond with JSON: %w", err)
	}
	if !answer.OK {
		return errors.New("slack refused the message: " + answer.Error)
	}
	return nil
}

func post(client Doer, url, contentType, authorization string, body []byte, read func([]byte) error) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), notifyTimeout, errors.New("no response within "+notifyTimeout.String())) // a record has no context of its own
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // what matters was read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s responded with %s", req.URL.Host, resp.Status)
	}
	return read(answer)
}
