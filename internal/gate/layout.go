package gate

import (
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// layout says in which columns a file has what; -1 means nowhere.
type layout struct {
	name                                    string
	header                                  bool // the first record names the columns
	code, order, position, status, paid, ok int  // ok: a column that must be empty or "no" (pretix: Blocked)
}

// columnNames are the headings of a column in lower case. pretix: order data and check-in list exporters
// (src/pretix/base/exporters/orderlist.py, src/pretix/plugins/checkinlists/exporters.py), English and German.
// Eventbrite: attendee summary report with the barcode column, old and new form.
type columnNames struct{ code, order, position, status, paid, blocked []string }

func pretixNames() columnNames {
	return columnNames{
		code:     []string{"ticket secret", "secret", "ticket-secret", "ticketsecret", "geheimnis", "ticket-geheimnis", "ticketgeheimnis", "geheimer ticketcode", "ticket-code", "ticketcode"},
		order:    []string{"order code", "bestellnummer", "bestellcode"},
		position: []string{"position id", "position", "positions-id", "positionsnummer"},
		status:   []string{"status", "order status", "bestellstatus"},
		paid:     []string{"paid", "bezahlt"},
		blocked:  []string{"blocked", "gesperrt", "blockiert"},
	}
}

func eventbriteNames() columnNames {
	return columnNames{
		code:     []string{"barcode #", "barcode", "barcode number", "barcode no.", "barcodes", "barcode-nr.", "barcode-nummer", "strichcode", "strichcode-nr."},
		order:    []string{"order #", "order id", "order no.", "bestell-nr.", "bestellnr.", "bestellnummer", "bestell-id"},
		position: []string{"attendee #", "attendee id", "attendee no.", "teilnehmer-nr.", "teilnehmernr.", "teilnehmer-id"},
		status:   []string{"attendee status", "teilnehmerstatus", "status des teilnehmers"},
	}
}

func genericNames() columnNames {
	return columnNames{
		code:   []string{"code", "codes", "ticket", "ticket code", "ticketcode", "ticket-code", "ticket id", "ticketnummer", "barcode", "secret", "zugangscode"},
		order:  []string{"order", "order id", "reference", "ref", "bestellung", "bestellnummer", "referenz"},
		status: []string{"status", "state", "zustand"},
	}
}

// find reads a layout from a heading; known says that the file is of this kind, whether or not it has the codes.
func find(name string, names columnNames, heading []string) (l layout, known bool) {
	column := func(of []string) int {
		return slices.IndexFunc(heading, func(h string) bool { return slices.Contains(of, h) })
	}
	l = layout{name: name, header: true, code: column(names.code), order: column(names.order), position: column(names.position),
		status: column(names.status), paid: column(names.paid), ok: column(names.blocked)}
	switch name {
	case "pretix":
		known = l.order >= 0 && (slices.Contains(heading, "produkt") || slices.Contains(heading, "product"))
	case "eventbrite":
		known = l.order >= 0 && (l.position >= 0 || l.status >= 0)
	default:
		known = l.code >= 0
	}
	return l, known
}

// detect finds the layout and the separator from the first record. A file without a heading is generic when its first
// field is a code: letters with digits, or digits alone.
func detect(text string) (l layout, comma byte, err error) {
	var missing string
	for _, comma := range []byte{',', ';', '\t'} {
		s := scanner{rest: text, comma: comma}
		first, ok := s.next()
		if !ok {
			return layout{}, 0, errLayout("The file is empty.")
		}
		heading := make([]string, len(first.fields))
		for i, f := range first.fields {
			heading[i] = strings.ToLower(strings.Join(strings.Fields(f), " "))
		}
		for _, kind := range []struct {
			name  string
			names columnNames
			hint  string
		}{
			{"pretix", pretixNames(), "This is a pretix export without ticket codes. Export “Order data” (it has the column Ticket secret), or a check-in list with “Include QR-code secret” ticked."},
			{"eventbrite", eventbriteNames(), "This is an Eventbrite report without ticket codes. Add the column “Barcode #” to the attendee summary and export again."},
			{"generic", genericNames(), ""},
		} {
			l, known := find(kind.name, kind.names, heading)
			if known && l.code >= 0 {
				return l, comma, nil
			}
			if known && missing == "" {
				missing = kind.hint
			}
		}
	}
	if missing != "" {
		return layout{}, 0, errLayout(missing)
	}
	return bare(text)
}

// bare is the layout of a list of codes without a heading; more columns may follow the code.
func bare(text string) (layout, byte, error) {
	for _, comma := range []byte{',', ';', '\t'} {
		s := scanner{rest: text, comma: comma}
		first, _ := s.next()
		if len(first.fields) == 0 {
			continue
		}
		if _, ok := normalize(first.fields[0]); ok && strings.ContainsAny(first.fields[0], "0123456789") {
			return layout{name: "generic", code: 0, order: -1, position: -1, status: -1, paid: -1, ok: -1}, comma, nil
		}
	}
	return layout{}, 0, errLayout("No column with ticket codes was found. We read pretix order data, Eventbrite attendee summaries, and lists with a column named code.")
}

func errLayout(text string) error {
	return fault.New(fault.Invalid, "file_layout", "%s", text).On("file")
}

// standing is what a box office says about a ticket.
type standing int

const (
	good      standing = iota // paid, or the file does not say
	cancelled                 // paid once and taken back, or never paid and given up
	waiting                   // not paid yet
	unclear                   // a word we do not know
)

// standingOf reads a status. pretix: Order.STATUS_CHOICE, and "canceled" for a single position. Eventbrite: glossary of
// order and attendee statuses.
func standingOf(status string) standing {
	switch strings.ToLower(strings.Join(strings.Fields(status), " ")) {
	case "", "paid", "bezahlt", "confirmed", "bestätigt", "attending", "checked in", "checked-in", "completed", "manual", "offline", "valid", "gültig", "ok",
		"nimmt teil", "teilnehmend", "eingecheckt", "partially refunded", "free", "free order":
		return good
	case "canceled", "cancelled", "storniert", "refunded", "erstattet", "canceled (paid fee)", "canceled (fully)", "storniert (gebühr bezahlt)", "expired", "abgelaufen",
		"deleted", "gelöscht", "not attending", "nimmt nicht teil", "transferred", "übertragen", "refunded/canceled", "refunded/cancelled", "rejected", "abgelehnt", "revoked",
		"canceled by organizer", "void", "invalid", "ungültig":
		return cancelled
	case "pending", "ausstehend", "offen", "unpaid", "unbezahlt", "approval pending", "freigabe ausstehend", "pending (overdue)", "ausstehend (überfällig)", "abandoned",
		"expired (pending)", "payment pending", "zahlung ausstehend":
		return waiting
	default:
		return unclear
	}
}
