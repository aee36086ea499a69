package sanitize

import (
	"encoding/json"
	"slices"
	"strings"
)

// paymentKeys are what is kept of a payment's information: names of methods, for documents.
func paymentKeys() []string {
	return []string{"method_title", "instructions", "cc_type", "paypal_payment_status", "paypal_pending_reason"}
}

// optionKeys are what is kept of the options of an ordered product.
func optionKeys() []string {
	return []string{"info_buyRequest", "attributes_info", "options", "bundle_options", "bundle_selection_attributes", "product_calculations", "shipment_type", "links", "giftcard_amount", "giftcard_type", "giftcard_lifetime", "giftcard_is_redeemable"}
}

// requestKeys are what is kept of a request to buy.
func requestKeys() []string {
	return []string{"product", "qty", "super_attribute", "super_product_config", "bundle_option", "bundle_option_qty", "links", "selected_configurable_option", "item", "uenc"}
}

// cleanJSON keeps what is known to be harmless of the JSON of a column. Text that is not an
// object, as PHP's serialised form is not, becomes nothing.
func cleanJSON(table, text string) (clean string, ok bool) {
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil || m == nil {
		return "", false
	}
	switch table {
	case "sales_order_payment":
		only(m, paymentKeys(), nil)
	case "sales_order_item", "wishlist_item_option", "requisition_list_item":
		only(m, append(optionKeys(), requestKeys()...), []string{"simple_"})
		if request, ok := m["info_buyRequest"].(map[string]any); ok {
			only(request, requestKeys(), []string{"bundle_option"})
		} else {
			delete(m, "info_buyRequest")
		}
		cleanOptions(m)
	default:
		m = map[string]any{}
	}
	out, err := json.Marshal(m)
	return string(out), err == nil
}

func only(m map[string]any, keys, prefixes []string) {
	for key := range m {
		begins := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		if !begins && !slices.Contains(keys, key) {
			delete(m, key)
		}
	}
}

// cleanOptions keeps the labels of custom options, and not what customers wrote or uploaded.
func cleanOptions(m map[string]any) {
	options, isList := m["options"].([]any)
	if !isList {
		delete(m, "options")
	}
	for _, o := range options {
		option, ok := o.(map[string]any)
		if !ok {
			continue
		}
		kind, _ := option["option_type"].(string)
		if slices.Contains([]string{"drop_down", "radio", "checkbox", "multiple"}, kind) {
			continue
		}
		only(option, []string{"label", "option_id", "option_type"}, nil)
		for _, key := range []string{"value", "print_value", "option_value"} {
			option[key] = fixedText
		}
	}
}
