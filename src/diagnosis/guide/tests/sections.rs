//! The sections of the guide for failures without a number: title, and what to know of all of its
//! symptoms.

use super::super::Section;

pub(super) const SECTIONS: [(Section, &str, &str); 8] = [
    (
        Section::Configuration,
        "A setting is wrong",
        "The error names the setting, its value and what to give instead. Nothing was sent. The table\n[Which id goes where](README.md#which-id-goes-where) of the README says which value belongs to which setting.\n",
    ),
    (
        Section::Connection,
        "No answer from Entra, from the identity endpoint or from a resource",
        "Run this on the host to see what answers. It changes nothing and sends no secret:\n\n```sh\ncurl --verbose --output /dev/null https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration\n```\n",
    ),
    (
        Section::Host,
        "The identity endpoint of App Service, Arc, Service Fabric or Azure ML refuses",
        "The error names the host and the variable that has its address. [docs/hosts.md](docs/hosts.md) has the\ncontract of each host. Run this to see the identities of an app of App Service. It changes nothing; to assign one, use\n`assign` in place of `show`, with `--identities '<resource id of the managed identity>'`:\n\n```sh\naz webapp identity show --resource-group '<resource group>' --name '<name of the app>'\n```\n",
    ),
    (
        Section::Imds,
        "IMDS refuses",
        "The error names IMDS and has its own words. Run this to see the identities of a virtual\nmachine. It changes nothing:\n\n```sh\naz vm identity show --ids '<resource id of the virtual machine>'\n```\n",
    ),
    (
        Section::NoImds,
        "There is no IMDS, or something else answers at its address",
        "The README has a table of the hosts, [docs/hosts.md](docs/hosts.md) has more on each. Run this on\nthe host: it gets an answer with the virtual machine's data if there is an IMDS, and changes nothing:\n\n```sh\ncurl --noproxy '*' --max-time 5 --header Metadata:true 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'\n```\n",
    ),
    (
        Section::Entra,
        "Entra refuses, and the number is not in this guide",
        "The error has Entra's own sentence and the correlation id of the request. The service principal\nsign-in logs of the target tenant have the request under that id.\n",
    ),
    (
        Section::Stopped,
        "The crate stopped a request, or did not send it",
        "The error names no answer of a service. With `RUST_LOG=cross_tenant_identity=debug`, the log of the\nservice has what came before.\n",
    ),
    (
        Section::Resource,
        "Resource Manager, Storage, Key Vault, Microsoft Graph or another resource refuses the token",
        "The target tenant gave a token, and the resource does not take it, or does not allow the request.\n",
    ),
];
