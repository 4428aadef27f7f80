//go:build ignore

// Generate writes the example ticket files beside it: go run examples/generate.go
//
// All people are invented: names are drawn from lists, mail addresses end in .example, which nobody can own (RFC 2606).
// The draw is seeded, so the files are the same every time. Each contains what real exports contain: umlauts, a comma
// and a line break inside a field, a record that is there twice, cancelled and unpaid orders, and one broken line.
package main

import (
	"encoding/csv"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

func main() {
	log.SetFlags(0)
	write("examples/pretix-attendees.csv", pretix(rand.New(rand.NewPCG(1, 2022))))
	write("examples/eventbrite-attendees.csv", eventbrite(rand.New(rand.NewPCG(2, 2022))))
}

func write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		log.Fatal(err)
	}
}

var (
	firsts = strings.Fields(`Anna Jörg Zoë Mehmet Björn Ayşe Łukasz Chloé Noël Søren Inês Małgorzata Jürgen Käthe Günther Åsa Nguyễn Renée
		Lena Paul Marie Jonas Emilia Felix Hannah Elias Mia Leon Clara Finn Ida Theo Greta Oskar Frieda Anton Nele Karl Ömer Šárka`)
	lasts = strings.Fields(`Müller Schäfer Özdemir Groß Weiß Krüger Jäger Köhler Böhm Kraus Möller Brandt Dvořák Nowak García Lefèvre Sjöberg
		Bergström Ångström Øvergård Yılmaz Fuchs Vogel Sommer Winter Lorenz Keller Haas Pohl Engel Busch Thiele Arnold Seidel`)
	cities = strings.Split("Köln,Düsseldorf,Zürich,Frankfurt (Oder),Berlin,Münster,Wien,Görlitz,Würzburg,Kraków", ",")
)

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func word(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func mail(first, last string) string {
	latin := strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "ø", "o", "ł", "l", "ı", "i")
	part := func(s string) string {
		s = norm.NFD.String(latin.Replace(norm.NFC.String(strings.ToLower(s))))
		return strings.Map(func(r rune) rune {
			if r < 'a' || r > 'z' {
				return -1
			}
			return r
		}, s)
	}
	return part(first) + "." + part(last) + "@mail.example"
}

// table collects records and renders them; a broken line is put in as it is.
type table struct {
	out strings.Builder
	w   *csv.Writer
}

func newTable(heading []string) *table {
	t := &table{}
	t.w = csv.NewWriter(&t.out)
	t.w.UseCRLF = true
	t.add(heading)
	return t
}

func (t *table) add(record []string) {
	if err := t.w.Write(record); err != nil {
		log.Fatal(err)
	}
	t.w.Flush()
}

func (t *table) raw(line string) { t.out.WriteString(line + "\r\n") }

// pretix makes an export “Order data”, sheet “Order positions”, of pretix with English column names.
func pretix(r *rand.Rand) string {
	t := newTable([]string{"Event slug", "Order code", "Position ID", "Status", "Email", "Phone number", "Order date", "Order time", "Product",
		"Variation", "Price", "Tax rate", "Tax rule", "Tax value", "Attendee name", "Attendee email", "Company", "Address", "ZIP code", "City",
		"Country", "State", "Voucher", "Pseudonymization ID", "Ticket secret", "Seat ID", "Seat name", "Seat zone", "Seat row", "Seat number",
		"Blocked", "Valid from", "Valid until", "Order comment", "Follow-up date", "Company", "Invoice address name", "Invoice address street",
		"Invoice address ZIP code", "Invoice address city", "Invoice address country", "Invoice address state", "VAT ID", "Sales channel",
		"Order locale", "E-mail address verified", "External customer ID", "Payment providers"})
	at := time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)
	for order := range 150 {
		at = at.Add(time.Duration(r.IntN(9*3600)) * time.Second)
		code := word(r, "ABCDEFGHJKLMNPQRSTUVWXYZ3789", 5)
		status := map[int]string{17: "canceled", 42: "canceled", 63: "pending", 88: "expired"}[order]
		if status == "" {
			status = "paid"
		}
		comment := map[int]string{5: "Asked for an invoice,\nsent by post", 31: `Prefers "Du"`}[order]
		buyer, family := pick(r, firsts), pick(r, lasts)
		for position := range 1 + r.IntN(4) {
			first := buyer
			if position > 0 {
				first = pick(r, firsts)
			}
			record := []string{"nachtlicht", code, fmt.Sprint(position + 1), status, mail(buyer, family), "", at.Format("2006-01-02"), at.Format("15:04:05"),
				"Online ticket", pick(r, []string{"Regular", "Reduced", "Supporter"}), pick(r, []string{"12.00", "18.00", "25.00"}), "7.00", "VAT", "1.18",
				first + " " + family, mail(first, family), "", "", "", pick(r, cities), "DE", "", "", word(r, "ABCDEFGHJKLMNPQRSTUVWXYZ3789", 10),
				word(r, "abcdefghjkmnpqrstuvwxyz23456789", 32), "", "", "", "", "", "", "", "", comment, "", "", buyer + " " + family, "", "", "", "DE", "", "",
				"web", "de", "Yes", "", "PayPal"}
			t.add(record)
			if order == 9 || order == 70 {
				t.add(record) // exported while the order was being changed
			}
		}
		if order == 100 {
			t.raw(`nachtlicht,` + code + `,7,paid,"unfinished`)
		}
	}
	return t.out.String()
}

// eventbrite makes an attendee summary report with the barcode column.
func eventbrite(r *rand.Rand) string {
	t := newTable([]string{"Order #", "Order Date", "First Name", "Last Name", "Email", "Quantity", "Price Tier", "Ticket Type", "Attendee #", "Barcode #",
		"Group", "Order Type", "Currency", "Total Paid", "Fees Paid", "Eventbrite Fees", "Eventbrite Payment Processing", "Attendee Status",
		"Home City", "Home Country"})
	at := time.Date(2026, 10, 1, 18, 0, 0, 0, time.UTC)
	attendee := 21_400_000_000
	for order := range 48 {
		at = at.Add(time.Duration(r.IntN(20*3600)) * time.Second)
		number := fmt.Sprintf("%d", 11_600_000_000+order*7919+r.IntN(7000))
		status := map[int]string{11: "Not Attending", 23: "Transferred", 30: "Checked In", 37: "Unpaid"}[order]
		if status == "" {
			status = "Attending"
		}
		for range 1 + r.IntN(2) {
			attendee += 1 + r.IntN(900)
			first, last := pick(r, firsts), pick(r, lasts)
			record := []string{number, at.Format("2006-01-02 15:04:05-07:00"), first, last, mail(first, last), "1", "", "Stream pass", fmt.Sprint(attendee),
				number + fmt.Sprint(attendee) + "001", "", "Eventbrite Completed", "EUR", "15.00", "1.90", "1.20", "0.70", status, pick(r, cities), "DE"}
			t.add(record)
			if order == 8 {
				t.add(record)
			}
		}
		if order == 20 {
			t.raw(number + `,2026-10-09,Cut,O"ff`)
		}
	}
	return t.out.String()
}
