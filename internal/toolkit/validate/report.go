package validate

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
)

// nestingVariable is what sets the nesting level without a file.
const nestingVariable = "MAGE_ERROR_REPORT_DIR_NESTING_LEVEL"

// reportDirNestingLevel wants error reports to be spread over directories.
func reportDirNestingLevel(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	path := k.Tree.Path(tree.ErrorReportXML)
	text, err := k.Tree.Read(tree.ErrorReportXML)
	if err != nil {
		return &fault.Fault{Message: err.Error()}, nil
	}
	level, err := NestingLevel(text)
	switch {
	case err != nil:
		return finding(codeReportDirInvalid, fmt.Sprintf("Invalid configuration in the %s file. %v", path, err),
			"Fix the directory nesting level configuration for error reporting in the file "+path), nil
	case level == "":
		if v, ok := k.Env(nestingVariable); ok && v != "" {
			return nil, nil
		}
		return finding(codeReportDirDiffers, "The directory nesting level value for error reporting has not been configured.",
			"You can configure the setting using the `config.report.dir_nesting_level` variable in the file "+path), nil
	}
	return nil, nil
}

// NestingLevel returns report/dir_nesting_level of pub/errors/local.xml; "" when it has
// none.
func NestingLevel(text []byte) (string, error) {
	var file struct {
		Report struct {
			Level *string `xml:"dir_nesting_level"`
		} `xml:"report"`
	}
	d := xml.NewDecoder(strings.NewReader(string(text)))
	if err := d.Decode(&file); err != nil {
		return "", err
	}
	for { // what follows the root must be well formed too
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return "", err
		}
	}
	if file.Report.Level == nil {
		return "", nil
	}
	return strings.TrimSpace(*file.Report.Level), nil
}
