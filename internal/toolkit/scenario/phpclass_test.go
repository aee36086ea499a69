package scenario_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

// project is a project with an extension package: its classes, an autoloader as Composer
// makes it, and a registration.
const project = `
-- vendor/autoload.php --
<?php
spl_autoload_register(function ($class) {
    $file = __DIR__ . '/vendor-ext/src/' . strtr(substr($class, 11), '\\', '/') . '.php';
    if (strncmp($class, 'Vendor\\Ext\\', 11) === 0 && is_file($file)) {
        require $file;
    }
});
require __DIR__ . '/vendor-ext/registration.php';
-- vendor/vendor-ext/registration.php --
<?php
\Magento\MagentoCloud\ExtensionRegistrar::register('vendor-ext', __DIR__);
-- vendor/vendor-ext/config/services.xml --
<container xmlns="http://symfony.com/schema/dic/services">
  <services><service id="vendor.step" class="Vendor\Ext\Step"/></services>
</container>
-- vendor/vendor-ext/src/Step.php --
<?php
namespace Vendor\Ext;
class Step implements \Magento\MagentoCloud\Step\StepInterface
{
    public function __construct(private \Psr\Log\LoggerInterface $logger, private Helper $helper, private string $word = 'nothing', private array $steps = [])
    {
    }
    public function execute()
    {
        $this->logger->notice('Own step says ' . $this->word . ' and ' . $this->helper->name());
        echo "printed\n";
        foreach ($this->steps as $name => $step) {
            $this->logger->info("nested $name");
            $step->execute();
        }
    }
}
-- vendor/vendor-ext/src/Helper.php --
<?php
namespace Vendor\Ext;
class Helper
{
    public function name()
    {
        return 'the helper';
    }
}
-- vendor/vendor-ext/src/Failing.php --
<?php
namespace Vendor\Ext;
use Magento\MagentoCloud\Step\StepException;
class Failing implements \Magento\MagentoCloud\Step\StepInterface
{
    public function execute()
    {
        throw new StepException('it cannot be done', 42);
    }
}
-- vendor/vendor-ext/src/Fatal.php --
<?php
namespace Vendor\Ext;
class Fatal implements \Magento\MagentoCloud\Step\StepInterface
{
    public function execute()
    {
        exit(3);
    }
}
-- vendor/vendor-ext/src/Action.php --
<?php
namespace Vendor\Ext;
class Action implements \Magento\MagentoCloud\OnFail\Action\ActionInterface
{
    public function __construct(private \Psr\Log\LoggerInterface $logger, private string $stepCode = '', private array $messageWrapper = [])
    {
    }
    public function execute(): void
    {
        $words = array_map(fn ($word) => is_object($word) ? $word->name() : $word, array_values($this->messageWrapper));
        $this->logger->warning('own action ran' . rtrim(' ' . $this->stepCode) . ($words ? ': ' . sprintf(...$words) : ''));
    }
}
-- vendor/vendor-ext/src/Asks.php --
<?php
namespace Vendor\Ext;
class Asks implements \Magento\MagentoCloud\Step\StepInterface
{
    public function __construct(\Magento\MagentoCloud\Config\Environment $environment)
    {
    }
    public function execute()
    {
    }
}
-- vendor/vendor-ext/src/NoStep.php --
<?php
namespace Vendor\Ext;
class NoStep
{
}
-- vendor/vendor-ext/src/Wants.php --
<?php
namespace Vendor\Ext;
class Wants implements \Magento\MagentoCloud\Step\StepInterface
{
    public function __construct(private int $number)
    {
    }
    public function execute()
    {
    }
}
`

// runPHP runs a scenario with a real php.
func runPHP(t *testing.T, scenarios ...string) (*toolkittest.World, error) {
	t.Helper()
	var files strings.Builder
	files.WriteString(project)
	var paths []string
	for i, s := range scenarios {
		name := string(rune('a'+i)) + ".xml"
		files.WriteString("-- " + name + " --\n<scenario xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n" + s + "\n</scenario>\n")
		paths = append(paths, name)
	}
	w := toolkittest.New(t, files.String())
	w.Kit.Shell = &shell.Local{Dir: w.Dir, Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}, Log: w.Kit.Log}
	r := scenario.Runner{Kit: w.Kit, Registry: steps(), Files: scenario.Files{WorkDir: w.Dir, Root: w.Dir}}
	return w, r.Run(t.Context(), paths...)
}

func TestPHPClassAsAStep(t *testing.T) {
	w, err := runPHP(t, `<step name="own" type="Vendor\Ext\Step" priority="1"><arguments>
<argument name="logger" xsi:type="object">Psr\Log\LoggerInterface</argument>
<argument name="word" xsi:type="string">hello</argument>
<argument name="steps" xsi:type="array">
<item name="again" xsi:type="object">vendor.step</item><item name="no" xsi:type="object" skip="true">Vendor\Ext\Failing</item>
</argument></arguments></step>`)
	if err != nil {
		t.Fatal(err)
	}
	want := `INFO: Starting scenario(s): a.xml
NOTICE: Own step says hello and the helper
INFO: printed
INFO: nested again
NOTICE: Own step says nothing and the helper
INFO: printed
INFO: Scenario(s) finished
`
	if diff := cmp.Diff(want, w.LogAt(fault.Info)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"step own", `touch Vendor\Ext\Step`, "step "}, w.Progress.Lines); diff != "" {
		t.Errorf("progress (-want +got)\n%s", diff)
	}
}

// A class in place of a native one inherits its arguments; those meant for the other are
// left to the constructor's types.
func TestPHPClassInPlaceOfANativeStep(t *testing.T) {
	w, err := runPHP(t, outer, `<step name="outer" type="Vendor\Ext\Failing" priority="1"/>`)
	if fault.ExitStatus(err) != 42 || err.Error() != "it cannot be done" {
		t.Errorf("%v", err)
	}
	if log := w.Log(); !strings.Contains(log, "ERROR: [42] it cannot be done") {
		t.Errorf("%s", log)
	}
}

func TestPHPClassAsAnItemAndAsAnAction(t *testing.T) {
	w, err := runPHP(t, `<step name="outer" type="Step\Outer" priority="1"><arguments><argument name="steps" xsi:type="array">
<item name="one" xsi:type="object">Vendor\Ext\Step</item><item name="two" xsi:type="object">Vendor\Ext\Failing</item></argument></arguments></step>
<onFail><action name="own" type="Vendor\Ext\Action" priority="1"/></onFail>`)
	if fault.ExitStatus(err) != 42 {
		t.Errorf("%v", err)
	}
	if log := w.LogAt(fault.Notice); !strings.Contains(log, "NOTICE: Own step says nothing and the helper\nWARNING: own action ran\nERROR: [42] it cannot be done\n") {
		t.Errorf("%s", log)
	}
}

// Arguments of actions reach the class, as those of steps do, whatever file gives them.
func TestArgumentsOfAnAction(t *testing.T) {
	w, err := runPHP(t, `<step name="outer" type="Vendor\Ext\Failing" priority="1"/>
<onFail><action name="own" type="Vendor\Ext\Action" priority="1"><arguments>
<argument name="step-code" xsi:type="string">DEPLOY</argument>
<argument name="message-wrapper" xsi:type="array"><item name="message" xsi:type="string">%s of %s failed</item>
<item name="argument-1" xsi:type="object">Vendor\Ext\Helper</item><item name="argument-2" xsi:type="string">b</item></argument>
</arguments></action></onFail>`, `<step name="never" type="Vendor\Ext\Failing" priority="2"/>
<onFail><action name="own" type="Vendor\Ext\Action" priority="1"><arguments><argument name="step-code" xsi:type="string">BUILD</argument></arguments></action></onFail>`)
	if fault.ExitStatus(err) != 42 {
		t.Errorf("%v", err)
	}
	if log := w.LogAt(fault.Warning); log != "WARNING: own action ran BUILD: the helper of b failed\nERROR: [42] it cannot be done\n" {
		t.Errorf("%s", log)
	}
}

// A class that asks for a service of the original names the package that has it.
func TestServicesOfTheOriginalNeedTheirPackage(t *testing.T) {
	_, err := runPHP(t, `<step name="own" type="Vendor\Ext\Asks" priority="1"/>`)
	const want = `a.xml:2:1: Magento\MagentoCloud\Config\Environment is a class of magento/ece-tools, which is not installed: require it in composer.json`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestPHPClassesAreCheckedBeforeAnythingRuns(t *testing.T) {
	for class, want := range map[string]string{
		`Vendor\Ext\Missing`: `a.xml:3:1: Class "Vendor\Ext\Missing" not found`,
		`Vendor\Ext\NoStep`:  `a.xml:3:1: Vendor\Ext\NoStep is not instance of Magento\MagentoCloud\Step\StepInterface`,
		`Vendor\Ext\Wants`:   `a.xml:3:1: Vendor\Ext\Wants: the scenario gives no argument "number" to the constructor`,
	} {
		w, err := runPHP(t, "<step name=\"first\" type=\"Step\\Works\" priority=\"1\"/>\n<step name=\"own\" type=\""+class+"\" priority=\"2\"/>")
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", class, err)
		}
		if strings.Contains(w.Log(), "INFO: works") {
			t.Errorf("%s: a step ran", class)
		}
	}
}

func TestPHPClassThatExits(t *testing.T) {
	_, err := runPHP(t, `<step name="own" type="Vendor\Ext\Fatal" priority="1"/>`)
	if err == nil || !strings.HasPrefix(err.Error(), `The command "php `) {
		t.Errorf("%v", err)
	}
}
