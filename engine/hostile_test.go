package engine_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// PostgreSQL refuses U+0000 and invalid UTF-8 in a text. Both once came as far as the database, inside a line, an ARN, the
// bearer or a forged NextToken, and were answered with 500.
func TestHostileRequestsAreRefusedByTheModelAndNeverFailTheService(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { hostile(newWorld(t)) })
	t.Run("postgres", func(t *testing.T) { hostile(newWorldIn(t, dbtest.PostgresURL(t))) })
}

func hostile(w *world) {
	const message = `{"Content":%s,"Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"abc"}`
	room := "/channels/" + url.PathEscape(w.channel)
	send := func(content string) string { return strings.Replace(message, "%s", content, 1) }
	for i := range 3 {
		w.user(string(rune('k' + i)))
	}
	users, err := w.id.ListAppInstanceUsers(w.Context(), &identity.ListAppInstanceUsersInput{AppInstanceArn: &w.app, MaxResults: aws.Int32(2)})
	w.ok(err)
	token := func(key string) string {
		raw, err := base64.RawURLEncoding.DecodeString(*users.NextToken)
		w.ok(err)
		return base64.RawURLEncoding.EncodeToString(append(raw[:6:6], key...))
	}
	list := "/app-instance-users?app-instance-arn=" + url.QueryEscape(w.app) + "&next-token="
	for name, c := range map[string]struct{ method, path, who, body string }{
		"NUL in a line":              {"POST", room + "/messages", w.ann, send(`"a\u0000b"`)},
		"NUL in a content type":      {"POST", room + "/messages", w.ann, strings.Replace(send(`"a"`), "{", `{"ContentType":"\u0000",`, 1)},
		"NUL in metadata":            {"POST", room + "/messages", w.ann, strings.Replace(send(`"a"`), "{", `{"Metadata":"\u0000",`, 1)},
		"NUL in an attribute":        {"POST", room + "/messages", w.ann, strings.Replace(send(`"a"`), "{", `{"MessageAttributes":{"a":{"StringValues":["\u0000"]}},`, 1)},
		"NUL in a path":              {"GET", room + "%00", w.ann, ""},
		"bad UTF-8 in a path":        {"GET", room + "%ff", w.ann, ""},
		"bad UTF-8 in the bearer":    {"GET", room, w.ann + "\xff", ""},
		"long bearer":                {"GET", room, w.ann + strings.Repeat("x", 100_000), ""},
		"long ARN":                   {"GET", room + strings.Repeat("x", 2000), w.ann, ""},
		"deep JSON":                  {"POST", room + "/messages", w.ann, send(strings.Repeat("[", 90_000))},
		"deep JSON that is balanced": {"POST", room + "/messages", w.ann, send(strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000))},
		"huge body":                  {"POST", room + "/messages", w.ann, send(`"` + strings.Repeat("x", 1<<20) + `"`)},
		"two slashes":                {"GET", "/" + room, w.ann, ""},
		"dots":                       {"GET", "/channels/../app-instances", w.ann, ""},
		"token with NUL":             {"GET", list + token("a\x00"), "", ""},
		"token with bad UTF-8":       {"GET", list + token("a\xff"), "", ""},
		"token of another list":      {"GET", room + "/messages?next-token=" + token("1"), w.ann, ""},
		"token that is none":         {"GET", list + "%00%ff", "", ""},
		"page of minus one":          {"GET", room + "/messages?max-results=-1", w.ann, ""},
		"page of 2^64":               {"GET", room + "/messages?max-results=18446744073709551616", w.ann, ""},
	} {
		res, body := w.raw(c.method, c.path, c.who, c.body)
		var out struct{ Code string }
		err := json.Unmarshal([]byte(body), &out)
		if res.StatusCode < 400 || res.StatusCode > 499 || err != nil || out.Code == "" || res.Header.Get("X-Amzn-Errortype") == "" {
			w.Errorf("%s: %d %.200s", name, res.StatusCode, body)
		}
	}
	if got, err := w.msg.ListChannelMessages(w.Context(), &messaging.ListChannelMessagesInput{ChannelArn: &w.channel, ChimeBearer: &w.ann}); err != nil || len(got.ChannelMessages) != 0 {
		w.Errorf("afterwards: %v, %v", got, err)
	}
}
