#!/usr/bin/env bash
# Contoso's part of the set-up, with the Azure CLI: the managed identity, the multi-tenant app, its
# service principal and the federated identity credential. It creates what is missing, changes nothing
# that is there, and stops at the first error. It can be run again.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: set-up.sh --tenant ID --resource-group NAME [options]

  --tenant ID             Contoso's tenant id; sign in first: az login --tenant ID
  --resource-group NAME   the group of the managed identity; it must exist
  --vm NAME               a virtual machine of this group that gets the identity
  --identity NAME         default: umi-multi-tenant-example
  --app NAME              the display name of the app; default: Multi-Tenant Example App
  --app-id ID             the client id of an app that is there already, in place of --app
USAGE
}

fail() {
  echo "error: $1" >&2
  exit "${2:-1}"
}

wrong_usage() {
  usage >&2
  fail "$1" 2
}

# Not ${1,,}: the bash of macOS does not have it.
lower() { tr '[:upper:]' '[:lower:]' <<<"$1"; }

guid() {
  [[ $2 =~ ^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$ ]] || wrong_usage "$1 needs a GUID, not '$2'"
}

tenant='' group='' vm='' identity_name=umi-multi-tenant-example app_name='Multi-Tenant Example App' app=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit ;;
    --tenant | --resource-group | --vm | --identity | --app | --app-id)
      [ -n "${2:-}" ] || wrong_usage "$1 needs a value"
      case $1 in
        --tenant) guid "$1" "$2" && tenant=$(lower "$2") ;;
        --resource-group) group=$2 ;;
        --vm) vm=$2 ;;
        --identity) identity_name=$2 ;;
        --app) app_name=$2 ;;
        --app-id) guid "$1" "$2" && app=$(lower "$2") ;;
      esac
      shift 2
      ;;
    *) wrong_usage "unknown option '$1'" ;;
  esac
done
[ -n "$tenant" ] || wrong_usage '--tenant is missing'
[ -n "$group" ] || wrong_usage '--resource-group is missing'
# The names get into queries.
[[ $identity_name =~ ^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$ ]] ||
  wrong_usage "--identity needs 3 to 120 letters, digits, hyphens or underscores, not '$identity_name'"
[[ $app_name =~ ^[A-Za-z0-9\ ._-]{1,120}$ ]] ||
  wrong_usage "--app needs letters, digits, spaces, dots, hyphens or underscores, not '$app_name'"
command -v az >/dev/null || fail 'the Azure CLI is missing: https://learn.microsoft.com/cli/azure/install-azure-cli'

signed_in=$(az account show --query tenantId --output tsv)
[ "$(lower "$signed_in")" = "$tenant" ] ||
  fail "you are signed in to tenant $signed_in; run: az login --tenant $tenant"

cloud=$(az cloud show --query name --output tsv)
case $cloud in
  AzureCloud) host=login.microsoftonline.com audience=api://AzureADTokenExchange ;;
  AzureUSGovernment) host=login.microsoftonline.us audience=api://AzureADTokenExchangeUSGov ;;
  AzureChinaCloud) host=login.partner.microsoftonline.cn audience=api://AzureADTokenExchangeChina ;;
  *) fail "this script does not know the cloud $cloud" ;;
esac
# Without a slash at the end: Entra compares the issuer byte for byte.
issuer=https://$host/$tenant/v2.0

found() { echo "found:   $1" >&2; }
created() { echo "created: $1" >&2; }

identity=$(az identity list --resource-group "$group" --query "[?name=='$identity_name'].id" --output tsv)
if [ -n "$identity" ]; then
  found "managed identity $identity_name"
else
  az identity create --resource-group "$group" --name "$identity_name" --output none
  identity=$(az identity show --resource-group "$group" --name "$identity_name" --query id --output tsv)
  created "managed identity $identity_name"
fi
principal=$(az identity show --ids "$identity" --query principalId --output tsv)
identity_client=$(az identity show --ids "$identity" --query clientId --output tsv)

if [ -n "$vm" ]; then
  assigned=$(az vm identity show --resource-group "$group" --name "$vm" --output json)
  # Resource ids are compared without case.
  if grep -qiF "\"$identity\"" <<<"$assigned"; then
    found "the identity on virtual machine $vm"
  else
    az vm identity assign --resource-group "$group" --name "$vm" --identities "$identity" --output none
    created "the identity on virtual machine $vm"
  fi
fi

if [ -n "$app" ]; then
  registered=$(az ad app list --app-id "$app" --query '[].appId' --output tsv)
  [ -n "$registered" ] || fail "there is no app with the client id $app in tenant $tenant"
else
  # --display-name finds all names that begin so.
  app=$(az ad app list --display-name "$app_name" --query "[?displayName=='$app_name'].appId" --output tsv)
  [ "$(wc -w <<<"$app")" -le 1 ] || fail "several apps are called '$app_name'; choose one with --app-id:
$app"
fi
if [ -n "$app" ]; then
  sign_in_audience=$(az ad app show --id "$app" --query signInAudience --output tsv)
  case $sign_in_audience in
    AzureADMultipleOrgs | AzureADandPersonalMicrosoftAccount) found "multi-tenant app $app" ;;
    *) fail "the app $app is for $sign_in_audience; to make it multi-tenant, run: az ad app update --id $app --sign-in-audience AzureADMultipleOrgs" ;;
  esac
else
  app=$(az ad app create --display-name "$app_name" --sign-in-audience AzureADMultipleOrgs --query appId --output tsv)
  created "multi-tenant app $app"
fi

# For tokens of the home tenant, which show that the trust works without the target tenant.
principals=$(az ad sp list --filter "appId eq '$app'" --query '[].id' --output tsv)
if [ -n "$principals" ]; then
  found 'the service principal of the app'
else
  az ad sp create --id "$app" --output none
  created 'the service principal of the app'
fi

trusts() { az ad app federated-credential list --id "$app" --query "[?$1].name" --output tsv; }
right=$(trusts "issuer=='$issuer' && subject=='$principal' && audiences[0]=='$audience'")
same_name=$(trusts "name=='$identity_name'")
if [ -n "$right" ]; then
  found 'the federated identity credential'
elif [ -n "$same_name" ]; then
  fail "the app has a federated identity credential $identity_name with other values. Compare it with
  issuer $issuer, subject $principal, audience $audience:
  az ad app federated-credential list --id $app"
else
  az ad app federated-credential create --id "$app" --output none --parameters \
    "{\"name\":\"$identity_name\",\"issuer\":\"$issuer\",\"subject\":\"$principal\",\"audiences\":[\"$audience\"]}"
  created 'the federated identity credential; it can take several minutes to work'
fi

cat <<IDS

Send to the target tenant's administrator:
  client id of the app: $app

Set on the machine that runs the service:
  CROSS_TENANT_CLIENT_ID=$app
  CROSS_TENANT_IDENTITY_CLIENT_ID=$identity_client
  CROSS_TENANT_TARGET_TENANT_ID=<target tenant id>
IDS
