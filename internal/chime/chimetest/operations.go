package chimetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
)

// answer is what goes back over the wire.
type answer struct {
	status int
	header http.Header
	body   string
}

func ok(status int, v any) answer {
	b, _ := json.Marshal(v) // made of plain maps
	return answer{status, http.Header{"Content-Type": {"application/json"}}, string(b)}
}

// exceptions by status, as the API reference names them.
var exceptions = map[int][2]string{400: {"BadRequestException", "BadRequest"}, 403: {"ForbiddenException", "Forbidden"},
	404: {"NotFoundException", "NotFound"}, 409: {"ConflictException", "Conflict"}, 429: {"ThrottledClientException", "Throttled"},
	500: {"ServiceFailureException", "ServiceFailure"}, 503: {"ServiceUnavailableException", "ServiceUnavailable"}}

func refuse(status int) answer {
	e := exceptions[status]
	a := ok(status, map[string]string{"Code": e[1], "Message": "refused"})
	a.header.Set("x-amzn-ErrorType", e[0])
	return a
}

// operations by method, the path after the channel, and the query's operation.
var operations = map[string]string{
	"POST messages ": "SendChannelMessage", "GET messages ": "ListChannelMessages", "GET messages/ ": "GetChannelMessage",
	"POST messages/ redact": "RedactChannelMessage", "POST bans ": "CreateChannelBan", "DELETE bans/ ": "DeleteChannelBan",
	"POST memberships batch-create": "BatchCreateChannelMembership", "POST memberships ": "CreateChannelMembership",
}

func (r *request) operation() string {
	switch r.path[0] {
	case "":
		return "AssumeRole"
	case "endpoints":
		return "GetMessagingSessionEndpoint"
	}
	what := strings.Join(r.path[2:min(len(r.path), 3)], "")
	if len(r.path) > 3 {
		what += "/"
	}
	return operations[r.method+" "+what+" "+r.query.Get("operation")]
}

// serve answers one call. It needs the lock.
func (p *Provider) serve(r *request) answer {
	switch r.Op {
	case "AssumeRole":
		return p.assume(r)
	case "GetMessagingSessionEndpoint":
		return ok(200, map[string]any{"Endpoint": map[string]string{"Url": "chat.invalid"}})
	case "":
		return refuse(400)
	}
	c := p.channels[r.Channel]
	if c == nil || !p.allowed(r) {
		return refuse(403)
	}
	in := map[string]any{}
	if len(r.body) > 0 && json.Unmarshal(r.body, &in) != nil {
		return refuse(400)
	}
	switch r.Op {
	case "SendChannelMessage":
		return p.send(c, r, in)
	case "ListChannelMessages":
		return list(c, r)
	case "GetChannelMessage", "RedactChannelMessage":
		return oneMessage(c, r)
	case "CreateChannelBan", "DeleteChannelBan":
		return ban(c, r, in)
	}
	return join(c, r, in)
}

// allowed applies the session policy of temporary keys, and then what the bearer may do in the channel.
func (p *Provider) allowed(r *request) bool {
	if r.Own {
		g, known := p.keys[r.key]
		if !known || !slices.Contains(g.resources, string(r.Bearer)) || !slices.Contains(g.resources, string(r.Channel)) ||
			!slices.Contains(g.actions, "chime:"+r.Op) {
			return false
		}
	}
	c := p.channels[r.Channel]
	switch r.Op {
	case "SendChannelMessage":
		return c.members[r.Bearer]
	case "ListChannelMessages", "GetChannelMessage":
		return c.members[r.Bearer] || !r.Own
	}
	return c.moderators[r.Bearer] || !r.Own
}

func (p *Provider) send(c *channel, r *request, in map[string]any) answer {
	content, token := fmt.Sprint(in["Content"]), fmt.Sprint(in["ClientRequestToken"])
	for _, m := range c.messages {
		if m.token == token && m.Sender == r.Bearer {
			return ok(201, map[string]any{"MessageId": m.ID})
		}
	}
	return ok(201, map[string]any{"MessageId": p.say(c, r.Bearer, content, token)})
}

func (m *Message) wire() map[string]any {
	w := map[string]any{"MessageId": m.ID, "Type": "STANDARD", "Redacted": m.Redacted, "CreatedTimestamp": seconds(m.Created),
		"LastUpdatedTimestamp": seconds(m.Created), "Sender": map[string]string{"Arn": string(m.Sender), "Name": m.SenderName}}
	if !m.Redacted {
		w["Content"] = m.Content
	}
	return w
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func list(c *channel, r *request) answer {
	all := slices.Clone(c.messages)
	if r.query.Get("sort-order") != "ASCENDING" {
		slices.Reverse(all)
	}
	start, _ := strconv.Atoi(r.query.Get("next-token"))
	size, _ := strconv.Atoi(r.query.Get("max-results"))
	end := min(start+min(max(size, 1), 50), len(all))
	page := []any{}
	for _, m := range all[min(start, end):end] {
		page = append(page, m.wire())
	}
	out := map[string]any{"ChannelArn": r.Channel, "ChannelMessages": page}
	if end < len(all) {
		out["NextToken"] = strconv.Itoa(end)
	}
	return ok(200, out)
}

func oneMessage(c *channel, r *request) answer {
	for _, m := range c.messages {
		if m.ID != r.Subject {
			continue
		}
		if r.Op == "GetChannelMessage" {
			return ok(200, map[string]any{"ChannelMessage": m.wire()})
		}
		m.Redacted, m.Content = true, ""
		return ok(200, map[string]any{"MessageId": m.ID})
	}
	if r.Op == "GetChannelMessage" {
		return refuse(404)
	}
	return refuse(403)
}

func ban(c *channel, r *request, in map[string]any) answer {
	if r.Op == "DeleteChannelBan" {
		delete(c.bans, arn.ARN(r.Subject))
		return answer{status: 204, header: http.Header{}}
	}
	who := arn.ARN(fmt.Sprint(in["MemberArn"]))
	r.Subject = string(who)
	switch {
	case c.moderators[who]:
		return refuse(403)
	case c.bans[who]:
		return refuse(409)
	}
	c.bans[who] = true
	delete(c.members, who)
	return ok(201, map[string]any{"ChannelArn": r.Channel})
}

func join(c *channel, r *request, in map[string]any) answer {
	if r.Op == "CreateChannelMembership" {
		who := arn.ARN(fmt.Sprint(in["MemberArn"]))
		r.Subject = string(who)
		switch {
		case c.bans[who]:
			return refuse(403)
		case c.members[who]:
			return refuse(409)
		}
		c.members[who] = true
		return ok(201, map[string]any{"ChannelArn": r.Channel})
	}
	members, _ := in["MemberArns"].([]any)
	for _, m := range members {
		if u := arn.ARN(fmt.Sprint(m)); !c.bans[u] {
			c.members[u] = true
		}
	}
	return ok(200, map[string]any{"BatchChannelMemberships": map[string]any{}})
}

// assume makes temporary keys that may do what the inline session policy says.
func (p *Provider) assume(r *request) answer {
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return refuse(400)
	}
	var policy struct {
		Statement []struct{ Action, Resource []string }
	}
	if err := json.Unmarshal([]byte(form.Get("Policy")), &policy); err != nil || len(policy.Statement) == 0 {
		return refuse(400)
	}
	p.serial++
	key := fmt.Sprintf("ASIA%016d", p.serial)
	p.keys[key] = grant{resources: policy.Statement[0].Resource, actions: policy.Statement[0].Action}
	life, _ := strconv.Atoi(form.Get("DurationSeconds"))
	return answer{200, http.Header{"Content-Type": {"text/xml"}}, fmt.Sprintf(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>secret-of-%s</SecretAccessKey><SessionToken>token-of-%s</SessionToken>
<Expiration>%s</Expiration></Credentials></AssumeRoleResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>`,
		key, key, key, time.Now().Add(time.Duration(life)*time.Second).UTC().Format(time.RFC3339))}
}
