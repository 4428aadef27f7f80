package web

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// OpenAPI returns the document of the JSON API (OpenAPI 3.1, JSON, indented). It needs no running platform.
func OpenAPI() ([]byte, error) {
	useProblems()
	s := &Server{}
	mux := http.NewServeMux()
	api := humago.New(mux, apiConfig())
	s.mount(mux, api)
	return json.MarshalIndent(api.OpenAPI(), "", "  ")
}

func apiConfig() huma.Config {
	c := huma.DefaultConfig("Stagedoor", "1")
	c.Info.Description = "Ticketed online shows: the door, the hall and the chat."
	c.OpenAPIPath = "/api/v1/openapi"
	c.DocsPath = "" // its page would load scripts from elsewhere
	c.SchemasPath = ""
	c.CreateHooks = nil // no $schema members in answers
	return c
}

// allowNull says in the document what huma leaves out: a pointer to a struct is that object or null.
func allowNull(schemas huma.Registry) {
	for name, schema := range schemas.Map() {
		t := schemas.TypeFromRef("#/components/schemas/" + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for f := range t.Fields() {
			member, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			property := schema.Properties[member]
			if property == nil || property.Ref == "" || f.Type.Kind() != reflect.Pointer || f.Type.Elem() == reflect.TypeFor[time.Time]() || strings.Contains(options, "omitempty") {
				continue
			}
			schema.Properties[member] = &huma.Schema{Description: property.Description,
				OneOf: []*huma.Schema{{Ref: property.Ref}, {Type: "null"}}}
		}
	}
}
