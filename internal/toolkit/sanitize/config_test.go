package sanitize

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestDecide goes through kinds of paths.
func TestDecide(t *testing.T) {
	c := &configuration{
		rules: must(configRules(configText)), own: map[string]string{"vendor/api/token": "keep", "vendor/mode": "test"},
		secrets: map[string]bool{"carriers/parcel/account_number": true},
	}
	for row, want := range map[string]string{
		"general/store_information/name|Shop":                         "keep",
		"general/store_information/name|0:3:Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5": "delete",
		"system/smtp/disable|0":                                       "set 1",
		"system/smtp/host|smtp.example":                               "delete",
		"trans_email/ident_sales/email|a@shop.example":                "delete",
		"sales_email/general/async_sending|1":                         "keep",
		"sales_email/order/copy_to|a@shop.example":                    "delete",
		"payment/checkmo/active|1":                                    "keep",
		"payment/braintree/active|1":                                  "value 0",
		"payment/braintree/title|Card":                                "keep",
		"payment/braintree/merchant_id|x":                             "delete",
		"payment/braintree/environment|production":                    "value sandbox",
		"paypal/general/merchant_country|FR":                          "keep",
		"carriers/ups/active|1":                                       "value 0",
		"carriers/ups/password|x":                                     "delete",
		"carriers/flatrate/price|5":                                   "keep",
		"carriers/parcel/account_number|5":                            "delete",
		"design/head/includes|<script>":                               "delete",
		"google/analytics/account|UA":                                 "delete",
		"catalog/search/elasticsearch7_server_hostname|x":             "delete",
		"vendor/hooks/webhook_url|x":                                  "delete",
		"vendor/api/token|x":                                          "keep",
		"vendor/mode|live":                                            "set test",
		"vendor/general/license_key|x":                                "delete",
		"vendor/general/token_lifetime|5":                             "keep",
		"vendor/general/colour|red":                                   "keep",
		"newsletter/other/api_key|x":                                  "warn",
		"customer/password/minimum_password_length|8":                 "keep",
		"web/cookie/cookie_domain|.shop.example":                      "delete",
		"web/secure/base_url|https://shop.example/":                   "keep",
		"recaptcha_frontend/type_recaptcha/private_key|x":             "delete",
	} {
		path, value, _ := strings.Cut(row, "|")
		verb, to := c.decide(path, value)
		if got := strings.TrimSpace(verb + " " + to); got != want {
			t.Errorf("%s: %s, want %s", row, got, want)
		}
	}
}

// TestDeclaredSecrets reads the three places where modules say what is secret.
func TestDeclaredSecrets(t *testing.T) {
	tree := fstest.MapFS{
		"vendor/a/module-pay/registration.php": {},
		"vendor/a/module-pay/etc/adminhtml/system.xml": {Data: []byte(`<config><system><section id="pay"><group id="a"><group id="b">
			<field id="key" type="text"><label>K</label><backend_model>Magento\Config\Model\Config\Backend\Encrypted</backend_model></field>
			<field id="pass" type="password"/><field id="title" type="text"/><field id="moved" type="obscure"><config_path>other/place/key</config_path></field></group></group></section></system></config>`)},
		"vendor/a/module-pay/etc/config.xml": {Data: []byte(`<config><default><pay><c><secret backend_model="A\Encrypted"/><plain>1</plain></c></pay></default><websites><base><pay><d><secret backend_model="A\EncryptedToo"/></d></pay></base></websites></config>`)},
		"app/code/B/Mod/registration.php":    {},
		"app/code/B/Mod/etc/di.xml": {Data: []byte(`<config><type name="Magento\Config\Model\Config\TypePool"><arguments>
			<argument name="sensitive" xsi:type="array"><item name="b/mod/host" xsi:type="string">1</item><item name="b/mod/public" xsi:type="string">0</item></argument>
			<argument name="environment" xsi:type="array"><item name="b/mod/env" xsi:type="string">1</item></argument></arguments></type></config>`)},
	}
	found, err := declaredSecrets(tree)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for path := range found {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	want := []string{"b/mod/host", "other/place/key", "pay/a/b/key", "pay/a/b/moved", "pay/a/b/pass", "pay/c/secret", "pay/d/secret"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	tree["app/code/B/Mod/etc/di.xml"] = &fstest.MapFile{Data: []byte("<config><type")}
	if _, err := declaredSecrets(tree); err == nil || !strings.Contains(err.Error(), "app/code/B/Mod/etc/di.xml") {
		t.Errorf("a broken file: %v", err)
	}
}

// TestCleanJSON keeps what is known to be harmless.
func TestCleanJSON(t *testing.T) {
	for in, want := range map[string]string{
		`sales_order_payment {"method_title":"PayPal","payer":"x"}`:                                  "{\"method_title\":\"PayPal\"} true",
		`sales_order_payment a:0:{}`:                                                                 " false",
		`sales_order_payment null`:                                                                   " false",
		`sales_order_payment [1]`:                                                                    " false",
		`sales_order_item {"options":"x","info_buyRequest":"y","simple_sku":"a"}`:                    `{"simple_sku":"a"} true`,
		`sales_order_item {"options":[1,{"option_type":"area","value":"secret","custom_view":"s"}]}`: `{"options":[1,{"option_type":"area","option_value":"(removed)","print_value":"(removed)","value":"(removed)"}]} true`,
		`other {"a":1}`: `{} true`,
	} {
		table, text, _ := strings.Cut(in, " ")
		clean, ok := cleanJSON(table, text)
		if got := fmt.Sprint(clean, " ", ok); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestWrongRules(t *testing.T) {
	for text, want := range map[string]string{
		"clear a\nkeep a\n":      "tables.txt:2: a is there twice",
		"update a x=mail\n":      `tables.txt:1: unknown rule "mail"`,
		"# comment\nempty a b\n": `tables.txt:2: unknown verb "empty"`,
	} {
		if _, err := parseRules(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{"set a\n": "config.txt:1: set needs a path and a value", "drop a\n": `config.txt:1: unknown verb "drop"`} {
		if _, err := configRules(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzCleanJSON(f *testing.F) {
	f.Add(`{"options":[{"option_type":"field","value":"x"}],"info_buyRequest":{"qty":1}}`)
	f.Add(`{"options":{"a":[]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		clean, ok := cleanJSON("sales_order_item", text)
		if again, same := cleanJSON("sales_order_item", clean); ok && (!same || again != clean) {
			t.Errorf("%q became %q and then %q", text, clean, again)
		}
	})
}
