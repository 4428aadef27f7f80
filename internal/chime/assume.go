package chime

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Credentials act as one chat account in one channel until Expires. They are a secret: logs and fmt see only the key's id.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time
}

// LogValue hides the secrets from slog.
func (k Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("key", k.AccessKeyID), slog.Time("expires", k.Expires))
}

// String hides the secrets from fmt.
func (k Credentials) String() string { return k.LogValue().String() }

// GoString hides the secrets from %#v.
func (k Credentials) GoString() string { return k.String() }

// The role's own policy allows more than one person needs; the session policy below cuts it down. A messaging call is
// allowed only where its bearer AND its channel match ("Service Authorization Reference", Amazon Chime).
var (
	memberActions = []string{"chime:Connect", "chime:SendChannelMessage", "chime:GetChannelMessage",
		"chime:ListChannelMessages", "chime:DescribeChannel"}
	moderatorActions = []string{"chime:RedactChannelMessage", "chime:CreateChannelBan", "chime:DeleteChannelBan",
		"chime:ListChannelBans", "chime:ListChannelMemberships"}
)

type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect           string
	Action, Resource []string
}

// sessionPolicy allows one chat account to act in one channel.
func sessionPolicy(user, channel arn.ARN, role id.Role) string {
	actions := memberActions
	if role == id.Moderator {
		actions = append(append([]string{}, memberActions...), moderatorActions...)
	}
	text, _ := json.Marshal(policy{Version: "2012-10-17", Statement: []statement{
		{"Allow", actions, []string{string(user), string(channel)}},
		{"Allow", []string{"chime:GetMessagingSessionEndpoint"}, []string{"*"}},
	}}) // strings only: cannot fail
	return string(text)
}

// AssumeUser returns credentials with which the holder of a ticket acts as user in channel, and as nobody else anywhere.
// ttl is cut to what STS accepts: 15 minutes to 12 hours; a role assumed with temporary keys lasts at most one.
func (c *Client) AssumeUser(ctx context.Context, user, channel arn.ARN, role id.Role, ttl time.Duration) (Credentials, error) {
	if !user.Is(arn.KindUser) || !channel.Is(arn.KindChannel) {
		return Credentials{}, fault.New(fault.Internal, "chime_not_an_arn", "Credentials need a chat user and a channel.")
	}
	roleARN := c.cfg.UserRole
	if role == id.Moderator {
		roleARN = c.cfg.ModeratorRole
	}
	ttl = min(max(ttl, 15*time.Minute), 12*time.Hour)
	out, err := send(ctx, c, c.sts.AssumeRole, &sts.AssumeRoleInput{RoleArn: &roleARN,
		RoleSessionName: aws.String(sessionName(user.ID())), Policy: aws.String(sessionPolicy(user, channel, role)),
		DurationSeconds: aws.Int32(int32(ttl / time.Second))})
	if err != nil {
		return Credentials{}, err
	}
	k := out.Credentials
	if k == nil {
		return Credentials{}, fault.New(fault.Unavailable, CodeAway, "AssumeRole: the chat provider gave no credentials")
	}
	return Credentials{AccessKeyID: aws.ToString(k.AccessKeyId), SecretAccessKey: aws.ToString(k.SecretAccessKey),
		SessionToken: aws.ToString(k.SessionToken), Expires: aws.ToTime(k.Expiration)}, nil
}

// sessionName makes a RoleSessionName, 2–64 characters of [\w+=,.@-], from a user id, which may contain colons.
func sessionName(userID string) string {
	s := strings.ReplaceAll(userID, ":", "+")
	return s[:min(len(s), 64)]
}
