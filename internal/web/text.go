package web

import (
	"cmp"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// PostgreSQL refuses NUL and broken UTF-8 in text, where SQLite finds nothing or keeps it. Neither gets so far: whatever a
// request says is looked at here, before any room sees it. Ticket files are not: a line that is not text is a refused line.

// isText reports whether a database takes it.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// notText refuses an input by its field.
func notText(field string) error {
	return fault.New(fault.Invalid, "not_text", "This contains characters that no name has.").On(field)
}

// checkText looks at every text of an operation's input, a pointer to a struct of huma's.
func checkText(in any) error {
	if field, ok := firstNoText(reflect.ValueOf(in), ""); !ok {
		return notText(field)
	}
	return nil
}

// firstNoText finds a text that is none, and how the outside calls the field it stands in.
func firstNoText(v reflect.Value, name string) (field string, ok bool) {
	switch v.Kind() { // other kinds hold no text
	case reflect.String:
		return name, isText(v.String())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return firstNoText(v.Elem(), name)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return "", true // a file
		}
		for i := range v.Len() {
			if field, ok := firstNoText(v.Index(i), name); !ok {
				return field, false
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if !isText(k.String()) {
				return name, false
			}
			if field, ok := firstNoText(v.MapIndex(k), name); !ok {
				return field, false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if field, ok := firstNoText(v.Field(i), outsideName(f, name)); !ok {
					return field, false
				}
			}
		}
	}
	return "", true
}

// outsideName is how requests call a field; the parts of a request have no name of their own.
func outsideName(f reflect.StructField, of string) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return cmp.Or(name, f.Tag.Get("query"), f.Tag.Get("path"), of)
}

// addressIsText looks at the address, which routes and plain handlers read as well; pattern is the route's.
func addressIsText(r *http.Request, pattern string) error {
	for _, part := range strings.Split(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, bad := url.QueryUnescape(name)
		text, worse := url.QueryUnescape(value)
		switch {
		case bad != nil || !isText(name):
			return notText("")
		case worse != nil || !isText(text):
			return notText(name)
		}
	}
	if isText(r.URL.Path) {
		return nil
	}
	names := strings.Split(pattern, "/")
	for i, part := range strings.Split(r.URL.EscapedPath(), "/") {
		text, err := url.PathUnescape(part)
		if (err != nil || !isText(text)) && i < len(names) {
			return notText(strings.Trim(names[i], "{}"))
		}
	}
	return notText("")
}
