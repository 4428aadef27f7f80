package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/engine/tag"
	"github.com/stagedoor/stagedoor/internal/arn"
)

type tagIn struct {
	Key   string `is:"TagKey!"`
	Value string `is:"TagValue!"`
}

// tagged is the part of an input that gives a new resource its tags.
type tagged struct {
	Tags []tagIn `is:"TagList"`
}

func (in tagged) tags() []tag.Tag { return each(in.Tags, func(t tagIn) tag.Tag { return tag.Tag(t) }) }

type listTagsForResourceIn struct {
	ResourceARN string `wire:"query=arn" is:"ChimeArn!"`
}

func (s *server) listTagsForResource(ctx context.Context, _ rest.Call, in *listTagsForResourceIn) (any, error) {
	all, err := s.TagsOf(ctx, arn.ARN(in.ResourceARN))
	return struct{ Tags []tag.Tag }{each(all, func(t tag.Tag) tag.Tag { return t })}, err
}

type tagResourceIn struct {
	ResourceARN string  `is:"ChimeArn!"`
	Tags        []tagIn `is:"TagList!"`
}

func (s *server) tagResource(ctx context.Context, _ rest.Call, in *tagResourceIn) (any, error) {
	return empty{}, s.Tag(ctx, arn.ARN(in.ResourceARN), tagged{in.Tags}.tags())
}

type untagResourceIn struct {
	ResourceARN string   `is:"ChimeArn!"`
	TagKeys     []string `is:"TagKeyList!"`
}

func (s *server) untagResource(ctx context.Context, _ rest.Call, in *untagResourceIn) (any, error) {
	return empty{}, s.Untag(ctx, arn.ARN(in.ResourceARN), in.TagKeys)
}
