package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
)

// deprecatedVariables warns of values of former releases.
func deprecatedVariables(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	if k.Platform.Variable("VERBOSE_COMMANDS") != "enabled" {
		return nil, nil
	}
	return finding(codeDeprecatedVariables, "The configuration contains deprecated variables or values",
		"The value enabled of VERBOSE_COMMANDS is deprecated. Use one of -v, -vv, -vvv."), nil
}

// magentoCloudVariables warns of values that are ignored because they are not what the
// variable takes.
func magentoCloudVariables(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	var lines []string
	wrong := func(name, format string) {
		lines = append(lines, fmt.Sprintf("  The variable "+format, name, k.Platform.Variable(name)))
	}
	vars := k.Platform.Variables
	if vars.Has("SCD_THREADS") && !wholeNumber(k, "SCD_THREADS", -1, 1<<30) {
		wrong("SCD_THREADS", `%s has wrong value "%s" and will be ignored, use only integer value`)
	}
	if vars.Has("SCD_COMPRESSION_LEVEL") && !wholeNumber(k, "SCD_COMPRESSION_LEVEL", 0, 9) {
		wrong("SCD_COMPRESSION_LEVEL", `%s has wrong value "%s" and will be ignored, use only integer value from 0 to 9`)
	}
	for _, name := range []string{"CLEAN_STATIC_FILES", "UPDATE_URLS", "GENERATED_CODE_SYMLINK"} {
		v := vars.Get(name)
		if vars.Has(name) && v != "disabled" && v != "enabled" {
			wrong(name, `%s has wrong value: "%s" and will be ignored, use only disabled or enabled`)
		}
	}
	if vars.Has("VERBOSE_COMMANDS") && !slices.Contains([]any{"-v", "-vv", "-vvv", "enabled"}, vars.Get("VERBOSE_COMMANDS")) {
		wrong("VERBOSE_COMMANDS", `%s has wrong value: "%s" and will be ignored, use only -v, -vv, -vvv`)
	}
	if len(lines) == 0 {
		return nil, nil
	}
	return finding(codeCloudVariables, "Environment configuration is not valid", strings.Join(lines, "\n")), nil
}

func wholeNumber(k *kit.Kit, name string, low, high int) bool {
	n, err := strconv.Atoi(k.Platform.Variable(name))
	return err == nil && n >= low && n <= high
}

// jsonFormat warns of array variables whose text is not JSON; their default is used.
func jsonFormat(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	var bad []string
	for _, v := range manifest.StageVariables() {
		s, isText := k.Platform.Variables.Get(v.Name).(string)
		if !isText || s == "" || v.Type != manifest.TypeArray || !v.In(manifest.StageDeploy) {
			continue
		}
		var decoded any
		if err := json.Unmarshal([]byte(s), &decoded); err != nil {
			bad = append(bad, fmt.Sprintf("%s (%v)", v.Name, err))
		}
	}
	if len(bad) == 0 {
		return nil, nil
	}
	return finding(codeNoJSON, "Next variables can't be decoded: "+strings.Join(bad, ", "), ""), nil
}

// debugLogging warns of debug logs where visitors are.
func debugLogging(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
	if !k.Platform.Live() {
		return nil, nil
	}
	version, err := k.MagentoVersion()
	if err != nil || !version.AtLeast("2.2.0") {
		return nil, err
	}
	result, err := k.Magento(ctx, "config:show", "dev/debug/debug_logging")
	if err != nil || result.LastLine() != "1" {
		return nil, nil //nolint:nilerr // a value that cannot be read counts as none
	}
	return finding(codeDebugLogging, "Debug logging is enabled in Magento",
		"Debug logs fill the disk. Turn them off: php bin/magento config:set dev/debug/debug_logging 0"), nil
}
