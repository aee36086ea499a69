package sanitize

import (
	"fmt"
	"slices"
	"strings"
)

// fullName and place are how Magento joins the columns of an order's address in its grids.
func fullName(a string) string { return "TRIM(" + joined(" ", a, "firstname", "lastname") + ")" }

func place(a string) string {
	return joined(", ", a, "company", "street", "city", "region", "postcode")
}

// joined is an expression for the columns of a table that have a text.
func joined(separator, table string, columns ...string) string {
	var parts []string
	for _, c := range columns {
		parts = append(parts, "NULLIF("+table+"."+c+", '')")
	}
	return "CONCAT_WS('" + separator + "', " + strings.Join(parts, ", ") + ")"
}

// orderColumns are those of all four grids; o is the order, b and s its addresses.
func orderColumns() map[string]string {
	return map[string]string{
		"customer_email": "o.customer_email", "customer_name": "TRIM(" + joined(" ", "o", "customer_firstname", "customer_lastname") + ")",
		"billing_name": fullName("b"), "shipping_name": fullName("s"), "billing_address": place("b"), "shipping_address": place("s"),
		"billing_postcode": "b.postcode", "shipping_postcode": "s.postcode",
	}
}

// derived returns the statement that computes a table from sanitised ones.
func derived(s *schema, t *table) []step {
	if t.name == "customer_grid_flat" {
		return customerGrid(s, t)
	}
	for _, kind := range []string{"order", "invoice", "shipment", "creditmemo"} {
		if !strings.Contains(t.name, "_"+kind+"_grid") {
			continue
		}
		order := "t.order_id"
		if kind == "order" {
			order = "t.entity_id"
		}
		p := s.prefix
		head := fmt.Sprintf("UPDATE %s t JOIN %s o ON o.entity_id = %s LEFT JOIN %s b ON b.entity_id = o.billing_address_id LEFT JOIN %s s ON s.entity_id = o.shipping_address_id",
			ident(p+t.name), ident(p+"sales_order"), order, ident(p+"sales_order_address"), ident(p+"sales_order_address"))
		return join(t, head, orderColumns())
	}
	return nil
}

// join makes a step of a head and the expressions for the columns that the table has.
func join(t *table, head string, columns map[string]string) []step {
	var set []string
	for _, c := range t.columns {
		expression := columns[strings.ToLower(c.name)]
		if expression == "" {
			continue
		}
		if !c.nullable {
			expression = "COALESCE(" + expression + ", '')"
		}
		if c.length > 0 {
			expression = left(expression, c.length)
		}
		set = append(set, "t."+ident(c.name)+" = "+expression)
	}
	if len(set) == 0 {
		return nil
	}
	return []step{{name: t.name, head: head + " SET " + strings.Join(append(set, unchanged(t)...), ", "), key: quotedKey(t), rows: t.rows}}
}

// customerGrid computes the grid of customers, which an indexer makes of the shop's
// attributes: what is not known of it is emptied.
func customerGrid(s *schema, t *table) []step {
	customers, addresses := s.tables["customer_entity"], s.tables["customer_address_entity"]
	if customers == nil || addresses == nil {
		return nil
	}
	columns := map[string]string{
		"name": joined(" ", "c", "firstname", "lastname"), "email": "c.email", "dob": "c.dob", "taxvat": "c.taxvat", "confirmation": "c.confirmation", "lock_expires": "c.lock_expires",
		"billing_full": joined(" ", "b", "street", "city", "region", "postcode"), "shipping_full": joined(" ", "s", "street", "city", "region", "postcode"),
	}
	for _, n := range []string{"firstname", "lastname", "telephone", "postcode", "region", "street", "city", "fax", "vat_id", "company"} {
		columns["billing_"+n] = "b." + n
	}
	stays := []string{"entity_id", "group_id", "created_at", "website_id", "gender", "created_in", "billing_country_id", "shipping_country_id"}
	for _, c := range t.columns {
		name := strings.ToLower(c.name)
		if columns[name] == "" && c.text() && !slices.Contains(stays, name) {
			columns[name] = "''"
			if c.nullable {
				columns[name] = "NULL"
			}
		}
	}
	p := s.prefix
	head := fmt.Sprintf("UPDATE %s t JOIN %s c ON c.entity_id = t.entity_id LEFT JOIN %s b ON b.entity_id = c.default_billing LEFT JOIN %s s ON s.entity_id = c.default_shipping",
		ident(p+t.name), ident(p+"customer_entity"), ident(p+"customer_address_entity"), ident(p+"customer_address_entity"))
	return join(t, head, columns)
}
