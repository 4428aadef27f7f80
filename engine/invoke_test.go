package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	idtypes "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity/types"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/engine/modeltest"
)

// errNoInput says that the SDK's typed input cannot hold a value.
var errNoInput = errors.New("the SDK has no such input")

// invoke calls an operation of the SDK's clients by its name. The input is as modeltest makes it: the SDK's structures have
// the members' names, so that JSON fills them.
func (w *world) invoke(ctx context.Context, o *modeltest.Operation, input map[string]any) (output any, err error) {
	client := reflect.ValueOf(w.msg)
	if o.Service == "identity" {
		client = reflect.ValueOf(w.id)
	}
	method := client.MethodByName(o.Name)
	in := reflect.New(method.Type().In(1).Elem())
	text, err := json.Marshal(input)
	if err == nil {
		err = json.Unmarshal(text, in.Interface())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoInput, err)
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
	if failed, is := out[1].Interface().(error); is {
		return nil, failed
	}
	return out[0].Interface(), nil
}

func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// typed tells for each service and exception whether an error is that type of the SDK.
var typed = map[string]func(error) bool{
	"identity.BadRequestException":             isA[*idtypes.BadRequestException],
	"identity.ConflictException":               isA[*idtypes.ConflictException],
	"identity.ForbiddenException":              isA[*idtypes.ForbiddenException],
	"identity.NotFoundException":               isA[*idtypes.NotFoundException],
	"identity.ResourceLimitExceededException":  isA[*idtypes.ResourceLimitExceededException],
	"identity.ServiceFailureException":         isA[*idtypes.ServiceFailureException],
	"identity.ServiceUnavailableException":     isA[*idtypes.ServiceUnavailableException],
	"identity.ThrottledClientException":        isA[*idtypes.ThrottledClientException],
	"identity.UnauthorizedClientException":     isA[*idtypes.UnauthorizedClientException],
	"messaging.BadRequestException":            isA[*types.BadRequestException],
	"messaging.ConflictException":              isA[*types.ConflictException],
	"messaging.ForbiddenException":             isA[*types.ForbiddenException],
	"messaging.NotFoundException":              isA[*types.NotFoundException],
	"messaging.ResourceLimitExceededException": isA[*types.ResourceLimitExceededException],
	"messaging.ServiceFailureException":        isA[*types.ServiceFailureException],
	"messaging.ServiceUnavailableException":    isA[*types.ServiceUnavailableException],
	"messaging.ThrottledClientException":       isA[*types.ThrottledClientException],
	"messaging.UnauthorizedClientException":    isA[*types.UnauthorizedClientException],
}
