package api

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// sentOut answers what was written to a channel.
type sentOut struct {
	ChannelArn arn.ARN
	MessageId  string // the wire's name
	Status     chat.StatusWire
}

func sent(m chat.Message) sentOut { return sentOut{m.Channel, m.ID, chat.StatusWire{Value: "SENT"}} }

func (s *server) sendChannelMessage(ctx context.Context, c call, in *sendChannelMessageIn) (any, error) {
	m := chat.NewMessage{Type: in.Type, Persistence: in.Persistence, Content: in.Content, ContentType: in.ContentType,
		Metadata: in.Metadata, Attributes: in.attributes()}
	if len(in.Target) > 0 {
		m.Target = arn.ARN(in.Target[0].MemberArn)
	}
	out, err := s.cfg.Chat.Send(ctx, c.bearer, in.channel(), in.ClientRequestToken, m)
	return sent(out), err
}

func (s *server) getChannelMessage(ctx context.Context, c call, in *onMessage) (any, error) {
	m, err := s.cfg.Chat.Message(ctx, c.bearer, in.channel(), in.MessageId)
	return struct {
		ChannelMessage chat.MessageWire[chat.Epoch]
	}{chat.WireMessage[chat.Epoch](m)}, err
}

func (s *server) getChannelMessageStatus(ctx context.Context, c call, in *onMessage) (any, error) {
	status, err := s.cfg.Chat.MessageStatus(ctx, c.bearer, in.channel(), in.MessageId)
	return struct{ Status chat.StatusWire }{chat.StatusWire{Value: status}}, err
}

// millis reads a timestamp that has passed its shape; "" is 0.
func millis(text string, up time.Duration) int64 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0
	}
	return t.Add(up).UnixMilli()
}

func (s *server) listChannelMessages(ctx context.Context, c call, in *listChannelMessagesIn) (any, error) {
	h := chat.History{
		OldestFirst: in.SortOrder == "ASCENDING",
		NotBefore:   millis(in.NotBefore, time.Millisecond-1), // times between two milliseconds round up at this end
		NotAfter:    millis(in.NotAfter, 0),
	}
	all, next, err := s.cfg.Chat.Messages(ctx, c.bearer, in.channel(), h, in.page())
	return struct {
		ChannelArn      arn.ARN
		NextToken       string `json:",omitempty"`
		ChannelMessages []chat.MessageSummaryWire[chat.Epoch]
	}{in.channel(), next, each(all, chat.WireMessageSummary[chat.Epoch])}, err
}

func (s *server) updateChannelMessage(ctx context.Context, c call, in *updateChannelMessageIn) (any, error) {
	m, err := s.cfg.Chat.UpdateMessage(ctx, c.bearer, in.channel(), in.MessageId,
		chat.Edit{Content: in.Content, ContentType: in.ContentType, Metadata: in.Metadata})
	return sent(m), err
}

func (s *server) redactChannelMessage(ctx context.Context, c call, in *redactChannelMessageIn) (any, error) {
	err := s.cfg.Chat.RedactMessage(ctx, c.bearer, in.channel(), in.MessageId)
	return struct {
		ChannelArn arn.ARN
		MessageId  string // the wire's name
	}{in.channel(), in.MessageId}, err
}

func (s *server) deleteChannelMessage(ctx context.Context, c call, in *onMessage) (any, error) {
	return empty{}, s.cfg.Chat.DeleteMessage(ctx, c.bearer, in.channel(), in.MessageId)
}
