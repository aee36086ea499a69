package validate

import (
	"context"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
)

// balerSupport says why Baler cannot bundle the JavaScript.
func balerSupport(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
	var lines []string
	if _, err := k.Shell.Run(ctx, shell.Command{Args: []string{"which", "baler"}}); err != nil {
		lines = append(lines, "Path to baler executable could not be found. The Node package may not be installed or may not be linked.")
	}
	config, err := configPHP(k)
	if err != nil {
		return nil, err
	}
	if v := config.Get("modules", "Magento_Baler"); !phparray.Truthy(v) {
		lines = append(lines, "The Magento_Baler module is not installed or is disabled.")
	}
	js := config.Sub("system", "default", "dev", "js")
	if v := js.Get("enable_baler_js_bundling"); !phparray.Truthy(v) {
		lines = append(lines, "The Magento config dev/js/enable_baler_js_bundling must be enabled in app/etc/config.php.")
	}
	for _, key := range []string{"minify_files", "enable_js_bundling", "merge_files"} {
		if !js.Has(key) || phparray.Truthy(js.Get(key)) {
			lines = append(lines, "The Magento config dev/js/"+key+" must be disabled in app/etc/config.php.")
		}
	}
	if len(lines) == 0 {
		return nil, nil
	}
	return finding(codeBaler, "Baler JS bundling cannot be used because of the following issues:", strings.Join(lines, "\n")), nil
}
