package buildstep

import (
	"context"
	_ "embed"
	"fmt"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
)

// preBuild forgets what an earlier build of this tree generated.
func preBuild(_ context.Context, k *kit.Kit) error {
	verbose, err := verbosity(k)
	if err != nil {
		return err
	}
	if verbose == "" {
		k.Log.Info("Verbosity level is not set")
	} else {
		k.Log.Info("Verbosity level is " + verbose)
	}
	k.Tree.DeleteFlag(tree.FlagSCDInBuild, k.Log)
	code, metadata := generated(k)
	for _, dir := range []struct{ path, name string }{{code, "code"}, {metadata, "metadata"}} {
		if !k.Tree.Exists(dir.path) {
			continue
		}
		k.Log.Infof("Generated %s exists from an old deployment - clearing it now.", dir.name)
		if err := k.Tree.Clear(dir.path); err != nil {
			return fmt.Errorf("clear %s: %w", dir.path, err)
		}
	}
	return nil
}

// generated returns where this version of Magento keeps what it generates. A version that
// is unknown has the usual places; apply-patches reports it.
func generated(k *kit.Kit) (code, metadata string) {
	version, err := k.MagentoVersion()
	if err == nil && version.Satisfies("2.1.*") {
		return "var/generation", "var/di"
	}
	return tree.GeneratedCode, tree.GeneratedMeta
}

//go:embed front-static.php
var frontStatic []byte

// copyPubStatic makes the entry script for static files that do not exist yet.
func copyPubStatic(_ context.Context, k *kit.Kit) error {
	if err := k.Tree.Write("pub/front-static.php", frontStatic); err != nil {
		return err
	}
	k.Log.Info(`File "front-static.php" was copied`)
	return nil
}

// setReportDirNestingLevel tells Magento over how many directories it spreads its error
// reports, unless the project says so itself.
func setReportDirNestingLevel(_ context.Context, k *kit.Kit) error {
	k.Log.Info("Configuring directory nesting level for saving error reports")
	at := k.Tree.Path(tree.ErrorReportXML)
	if k.Tree.Exists(tree.ErrorReportXML) {
		k.Log.Noticef("The error reports configuration file `%s` exists. Value of the property `ERROR_REPORT_DIR_NESTING_LEVEL` of .magento.env.yaml will be ignored", at)
		return nil
	}
	level, err := k.Stages.Build.Int("ERROR_REPORT_DIR_NESTING_LEVEL")
	if err != nil {
		return err
	}
	xml := fmt.Sprintf("<?xml version=\"1.0\"?>\n<config>\n    <report>\n        <dir_nesting_level>%d</dir_nesting_level>\n    </report>\n</config> ", level)
	if err := k.Tree.Write(tree.ErrorReportXML, []byte(xml)); err != nil {
		return fault.Wrap(codeReportDir, err)
	}
	k.Log.Noticef("The file %s with the `config.report.dir_nesting_level` property: `%d` was created.", at, level)
	return nil
}

// marshallFiles deletes the cache of the build, and puts files where Magento before 2.2
// looks for them.
func marshallFiles(_ context.Context, k *kit.Kit) error {
	if err := k.Tree.RemoveAll("var/cache"); err != nil {
		return err
	}
	version, err := k.MagentoVersion()
	if err != nil {
		return err
	}
	if version.AtLeast("2.2") {
		return nil
	}
	if err := k.Tree.CopyFile("app/etc/di.xml", "app/di.xml"); err != nil {
		return err
	}
	if err := k.Tree.Mkdir("app/enterprise"); err != nil {
		return err
	}
	if !k.Tree.Exists("app/etc/enterprise/di.xml") {
		return nil
	}
	return k.Tree.CopyFile("app/etc/enterprise/di.xml", "app/enterprise/di.xml")
}

// copySampleData brings the pictures of the sample data into place.
func copySampleData(_ context.Context, k *kit.Kit) error {
	const media = "vendor/magento/sample-data-media"
	if !k.Tree.IsDir(media) {
		k.Log.Info("Sample data media was not found. Skipping.")
		return nil
	}
	k.Log.Info("Sample data media found. Marshalling to pub/media.")
	return fault.Wrap(codeSampleData, k.Tree.CopyContents(media, tree.Media))
}
