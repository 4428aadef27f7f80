package chime

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/internal/arn"
)

// Message is one message of a channel as it is now: a redacted one has no content, an edited one only its last.
type Message struct {
	ID       string
	Sender   User // the name it had when it wrote
	Content  string
	Metadata string
	Type     string // STANDARD or CONTROL
	Redacted bool
	Created  time.Time // strictly increasing within a channel on our engine
	Edited   time.Time // zero if never
	Updated  time.Time
}

// SendMessage sends a persistent STANDARD message and returns its id. A repeat with the same token sends nothing twice.
// content has 1–4096 bytes.
func (c *Client) SendMessage(ctx context.Context, bearer, channel arn.ARN, content, clientToken string) (string, error) {
	out, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.SendChannelMessage,
		&chimesdkmessaging.SendChannelMessageInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel), Content: &content,
			ClientRequestToken: token(clientToken), Type: types.ChannelMessageTypeStandard,
			Persistence: types.ChannelMessagePersistenceTypePersistent})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.MessageId), nil
}

// GetMessage reads one message.
func (c *Client) GetMessage(ctx context.Context, bearer, channel arn.ARN, messageID string) (Message, error) {
	out, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.GetChannelMessage,
		&chimesdkmessaging.GetChannelMessageInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel), MessageId: &messageID})
	if err != nil || out.ChannelMessage == nil {
		return Message{}, err
	}
	m := out.ChannelMessage
	return Message{ID: aws.ToString(m.MessageId), Sender: user(m.Sender), Content: aws.ToString(m.Content),
		Metadata: aws.ToString(m.Metadata), Type: string(m.Type), Redacted: m.Redacted, Created: aws.ToTime(m.CreatedTimestamp),
		Edited: aws.ToTime(m.LastEditedTimestamp), Updated: aws.ToTime(m.LastUpdatedTimestamp)}, nil
}

// ListInput says which messages ListMessages returns. The zero value is the newest page, newest first.
type ListInput struct {
	Ascending           bool
	NotBefore, NotAfter time.Time // zero means unbounded
	NextToken           string
	Max                 int // 1–50; 0 means 50
}

// ListMessages reads one page of a channel's history. A page may be short, or empty, without being the last one: the end
// is an empty Next.
func (c *Client) ListMessages(ctx context.Context, bearer, channel arn.ARN, in ListInput) (Page[Message], error) {
	req := &chimesdkmessaging.ListChannelMessagesInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel),
		MaxResults: aws.Int32(maxPage), NextToken: url(in.NextToken), SortOrder: types.SortOrderDescending}
	if in.Ascending {
		req.SortOrder = types.SortOrderAscending
	}
	if in.Max > 0 {
		req.MaxResults = aws.Int32(int32(min(in.Max, maxPage)))
	}
	if !in.NotBefore.IsZero() {
		req.NotBefore = &in.NotBefore
	}
	if !in.NotAfter.IsZero() {
		req.NotAfter = &in.NotAfter
	}
	out, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.ListChannelMessages, req)
	if err != nil {
		return Page[Message]{}, err
	}
	p := Page[Message]{Next: aws.ToString(out.NextToken)}
	for _, m := range out.ChannelMessages {
		p.Items = append(p.Items, Message{ID: aws.ToString(m.MessageId), Sender: user(m.Sender), Content: aws.ToString(m.Content),
			Metadata: aws.ToString(m.Metadata), Type: string(m.Type), Redacted: m.Redacted, Created: aws.ToTime(m.CreatedTimestamp),
			Edited: aws.ToTime(m.LastEditedTimestamp), Updated: aws.ToTime(m.LastUpdatedTimestamp)})
	}
	return p, nil
}

// RedactMessage empties a message for everybody and for ever; its row stays in the history.
func (c *Client) RedactMessage(ctx context.Context, bearer, channel arn.ARN, messageID string) error {
	_, err := call(ctx, c, Call{Bearer: bearer, Channel: channel}, c.messaging.RedactChannelMessage,
		&chimesdkmessaging.RedactChannelMessageInput{ChimeBearer: (*string)(&bearer), ChannelArn: (*string)(&channel), MessageId: &messageID})
	return err
}

// SessionEndpoint asks for the host[:port] of the messaging session's WebSocket. It needs no bearer and changes nothing,
// which makes it the cheap question "is the chat there?".
func (c *Client) SessionEndpoint(ctx context.Context) (string, error) {
	out, err := call(ctx, c, Call{}, c.messaging.GetMessagingSessionEndpoint, &chimesdkmessaging.GetMessagingSessionEndpointInput{})
	if err != nil || out.Endpoint == nil {
		return "", err
	}
	return aws.ToString(out.Endpoint.Url), nil
}
