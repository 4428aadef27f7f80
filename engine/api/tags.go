package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/engine/tag"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
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

// TagsTo tells IAM which tags the request would set.
func (in tagged) TagsTo(c *iam.Call) {
	for _, t := range in.Tags {
		c.RequestTags[t.Key] = t.Value
	}
}

// resourceTags are the tags that conditions of policies ask for.
func (s *server) resourceTags(ctx context.Context, resource arn.ARN) ([]rest.Tag, error) {
	all, err := s.TagsOf(ctx, resource)
	if fault.Is(err, fault.Denied) { // the resource is not there, or not yet
		return nil, nil
	}
	return each(all, func(t tag.Tag) rest.Tag { return rest.Tag(t) }), err
}

type listTagsForResourceIn struct {
	ResourceARN string `wire:"query=arn" is:"ChimeArn!"`
}

// The list of the model has at least one entry, so that there is none where nothing is tagged.
type listTagsForResourceOut struct {
	Tags []tag.Tag `json:",omitempty"`
}

func (s *server) listTagsForResource(ctx context.Context, _ rest.Call, in *listTagsForResourceIn) (any, error) {
	all, err := s.TagsOf(ctx, arn.ARN(in.ResourceARN))
	return listTagsForResourceOut{all}, err
}

type tagResourceIn struct {
	ResourceARN string  `is:"ChimeArn!"`
	Tags        []tagIn `is:"TagList!"`
}

func (in *tagResourceIn) TagsTo(c *iam.Call) { tagged{in.Tags}.TagsTo(c) }

func (s *server) tagResource(ctx context.Context, _ rest.Call, in *tagResourceIn) (any, error) {
	return empty{}, s.Tag(ctx, arn.ARN(in.ResourceARN), tagged{in.Tags}.tags())
}

type untagResourceIn struct {
	ResourceARN string   `is:"ChimeArn!"`
	TagKeys     []string `is:"TagKeyList!"`
}

func (in *untagResourceIn) TagsTo(c *iam.Call) { c.TagKeys = in.TagKeys }

func (s *server) untagResource(ctx context.Context, _ rest.Call, in *untagResourceIn) (any, error) {
	return empty{}, s.Untag(ctx, arn.ARN(in.ResourceARN), in.TagKeys)
}
