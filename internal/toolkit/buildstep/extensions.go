package buildstep

import (
	"context"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
)

// enableEventing makes and enables the module for Adobe I/O Events.
func enableEventing(ctx context.Context, k *kit.Kit) error {
	return generatedModule{
		variable: "ENABLE_EVENTING", command: "events:generate:module", module: "Magento_AdobeCommerceEvents",
		making: "Generating module for eventing", enabling: "Enabling module for eventing",
		notMade: "Failed to generate the Magento_AdobeCommerceEvents module. Check that the packages for events are installed. Error: ", notEnabled: "Failed to enable module for eventing: ",
		codeMake: codeEventsMake, codeEnable: codeEventsEnable,
	}.run(ctx, k)
}

// enableWebhooks makes and enables the module for webhooks.
func enableWebhooks(ctx context.Context, k *kit.Kit) error {
	return generatedModule{
		variable: "ENABLE_WEBHOOKS", command: "webhooks:generate:module", module: "Magento_AdobeCommerceWebhookPlugins",
		making: "Generating module for Commerce webhooks", enabling: "Enabling module for Commerce webhooks",
		notMade: "Failed to generate the AdobeCommerceWebhookPlugins module. Check that the packages for webhooks are installed. Error: ", notEnabled: "Failed to enable module for Commerce webhooks: ",
		codeMake: codeWebhookMake, codeEnable: codeWebhookEnable,
	}.run(ctx, k)
}

// generatedModule is a module that a command of Magento writes.
type generatedModule struct {
	variable, command, module string
	making, enabling          string // what is logged
	notMade, notEnabled       string // what is logged before the reason
	codeMake, codeEnable      int
}

func (m generatedModule) run(ctx context.Context, k *kit.Kit) error {
	wanted, err := k.Stages.Global.Bool(m.variable)
	if err != nil || !wanted {
		return err
	}
	k.Log.Notice(m.making)
	if _, err := k.Magento(ctx, m.command); err != nil {
		k.Log.Error(m.notMade + err.Error())
		return fault.Wrap(m.codeMake, err)
	}
	k.Log.Notice(m.enabling)
	if _, err := k.Magento(ctx, "module:enable", m.module); err != nil {
		k.Log.Error(m.notEnabled + err.Error())
		return fault.Wrap(m.codeEnable, err)
	}
	return nil
}
