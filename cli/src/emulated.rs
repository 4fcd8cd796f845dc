//! Azure in this process, with Contoso and Litware.

use crate::{outcome::Failure, output};
use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use cross_tenant_identity::{ManagedIdentityHost, Settings, SettingsHost};
use cross_tenant_identity_emulator::{Emulator, Scenario, Step, UnknownStep};

/// The host names of real Azure, which the emulator's transport leads to itself.
const AUTHORITY: &str = "https://login.microsoftonline.com";
const IMDS: &str = "http://169.254.169.254";

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Try it without Azure")]
pub(crate) struct EmulatorArguments {
    /// Run on an emulator in this process, where Contoso reaches Litware. Settings are not read.
    #[arg(long, conflicts_with_all = ["config", "GivenSettings"])]
    pub(crate) emulator: bool,

    /// Leave a step of the set-up out, or take it wrongly.
    #[arg(long, value_name = "STEP", requires = "emulator", value_parser = step_parser())]
    pub(crate) without: Option<Step>,
}

pub(crate) struct Emulated {
    pub(crate) emulator: Emulator,
    pub(crate) scenario: Scenario,
}

impl EmulatorArguments {
    /// `None` if Azure itself is meant.
    pub(crate) fn start(&self) -> Result<Option<Emulated>, Failure> {
        if !self.emulator {
            return Ok(None);
        }
        let emulator = Emulator::start()?;
        let scenario = match self.without {
            Some(step) => emulator.create_scenario_without(step),
            None => emulator.create_scenario(),
        };
        output::note(&match self.without {
            None => "On the emulator, where Contoso and Litware are set up well.".to_owned(),
            Some(step) => format!(
                "On the emulator, where this is not so: {}.",
                step.description()
            ),
        });
        Ok(Some(Emulated { emulator, scenario }))
    }
}

impl Emulated {
    /// Nothing of them is left to the environment.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            target_tenant_id: self.scenario.target_tenant_id.clone(),
            client_id: self.scenario.client_id.clone(),
            identity_client_id: self.scenario.identity_selector().map(str::to_owned),
            authority_host: Some(AUTHORITY.to_owned()),
            host: Some(SettingsHost::ManagedIdentity(ManagedIdentityHost::Imds)),
            imds_endpoint: Some(IMDS.to_owned()),
            ..Default::default()
        }
    }
}

fn step_parser() -> impl TypedValueParser<Value = Step> {
    let steps = Step::ALL.map(|step| PossibleValue::new(step.name()).help(step.description()));
    PossibleValuesParser::new(steps).try_map(|name| -> Result<Step, UnknownStep> { name.parse() })
}
