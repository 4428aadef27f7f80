package rest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/stagedoor/stagedoor/internal/arn"
)

// Operation is one row of the table: everything the dispatcher needs to know, as data.
type Operation struct {
	Name   string // also the IAM action after "chime:" and the row of the role table (engine/role)
	Method string
	Path   string // "{name}" takes one segment, decoded; ARNs travel percent-encoded in one segment
	Query  string // "key=value" that tells operations on one path apart; "" for the plain one
	Status int    // of success

	Bearer Bearer
	Models Modelled // the exceptions it may answer besides the common ones
	On     string   // IAM resources that must all be allowed, as templates over input members; {Bearer} is the header
	Do     *Handler
}

// Bearer says whether the x-amz-chime-bearer header is needed.
type Bearer bool

// The two kinds of operations.
const (
	Developer Bearer = false // authorised by IAM alone
	OnBehalf  Bearer = true  // on behalf of an app instance user or bot
)

// Modelled is a set of the exceptions that not every operation has. All have BadRequest, Forbidden, ServiceFailure,
// ServiceUnavailable, ThrottledClient and UnauthorizedClient.
type Modelled uint8

// The exceptions that some operations have.
const (
	NotFound Modelled = 1 << iota
	Conflict
	Limit
)

// Call is what an operation knows about its request besides the input.
type Call struct {
	Bearer arn.ARN // "" for developer operations
	Host   string  // as the client called us
}

// Handler runs one operation on its decoded input.
type Handler struct {
	input func() any
	plan  *plan
	run   func(context.Context, Call, any) (any, error)
}

// Does makes a handler of a function that takes the input structure I: members tagged as decode.go says. What it returns
// is written as JSON.
func Does[I any](f func(context.Context, Call, *I) (any, error)) *Handler {
	return &Handler{
		input: func() any { return new(I) },
		plan:  newPlan(reflect.TypeFor[I]()),
		run: func(ctx context.Context, c Call, in any) (any, error) {
			input, ok := in.(*I)
			if !ok {
				return nil, errors.New("input of another operation")
			}
			return f(ctx, c, input)
		},
	}
}

// Needy is an input that may ask for more than its operation's own action: Needs names the operations whose actions
// ("chime:" + name) must be allowed too, on the same resources. It is asked after the input has been decoded.
//
// The real service documents two: a channel or a user created with ExpirationSettings needs
// PutChannelExpirationSettings or PutAppInstanceUserExpirationSettings.
type Needy interface{ Needs() []string }

// Input makes an empty input structure of the operation.
func (h *Handler) Input() any { return h.input() }

// Decode reads an input of the operation from a request that was taken apart, and holds every member against its shape.
// What it refuses is fault.Invalid.
func (h *Handler) Decode(path map[string]string, query url.Values, body []byte) (any, error) {
	members, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	input := h.input()
	return input, wire{path, query, members}.decode(input, h.plan)
}

// Check holds the row against itself: the members of its input name shapes that exist and places in its path, and its resources
// are made of members that it has.
func (op Operation) Check() error {
	for _, part := range newTemplate(op.On) {
		if _, ok := op.Do.plan.texts[part.member]; !ok && part.member != "" && part.member != "Bearer" {
			return fmt.Errorf("%s: no text {%s} for %s", op.Name, part.member, op.On)
		}
	}
	return op.checkInput(reflect.TypeOf(op.Do.input()).Elem())
}

func (op Operation) checkInput(in reflect.Type) error {
	for i := range in.NumField() {
		f := in.Field(i)
		if f.Anonymous {
			if err := op.checkInput(f.Type); err != nil {
				return err
			}
			continue
		}
		name := strings.TrimSuffix(f.Tag.Get("is"), "!")
		if _, ok := shapes[name]; !ok {
			return fmt.Errorf("%s.%s: no shape %q", op.Name, f.Name, name)
		}
		if name, isPath := strings.CutPrefix(f.Tag.Get("wire"), "path="); isPath && !strings.Contains(op.Path, "{"+name+"}") {
			return fmt.Errorf("%s.%s: no %q in %s", op.Name, f.Name, name, op.Path)
		}
	}
	return nil
}
