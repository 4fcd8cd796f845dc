#!/usr/bin/env bash
# Litware's part of the set-up, with the Azure CLI: the service principal of Contoso's app and its role. It
# creates what is missing, changes nothing that is there, and stops at the first error. It can be run again.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: set-up.sh --tenant ID --app-id ID --scope ID [options]

  --tenant ID   Litware's tenant id; sign in first: az login --tenant ID
  --app-id ID   the client id of Contoso's app
  --scope ID    what the app gets access to: the resource id of a subscription, a resource group or a
                resource, such as /subscriptions/ID/resourceGroups/NAME
  --role NAME   the role that the app gets there; default: Reader
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

tenant='' app='' scope='' role=Reader
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit ;;
    --tenant | --app-id | --scope | --role)
      [ -n "${2:-}" ] || wrong_usage "$1 needs a value"
      case $1 in
        --tenant) guid "$1" "$2" && tenant=$(lower "$2") ;;
        --app-id) guid "$1" "$2" && app=$(lower "$2") ;;
        --scope) scope=$2 ;;
        --role) role=$2 ;;
      esac
      shift 2
      ;;
    *) wrong_usage "unknown option '$1'" ;;
  esac
done
[ -n "$tenant" ] || wrong_usage '--tenant is missing'
[ -n "$app" ] || wrong_usage '--app-id is missing'
[ -n "$scope" ] || wrong_usage '--scope is missing'
# The whole tenant (/) is not a scope for an app of others.
[[ $scope =~ ^/(subscriptions|providers/Microsoft\.Management/managementGroups)/[^/[:space:]]+(/[^/]+)*/?$ ]] ||
  wrong_usage "--scope needs a resource id, such as /subscriptions/ID/resourceGroups/NAME, not '$scope'"
# With a slash at the end, the role that is there is not found again.
scope=${scope%/}
command -v az >/dev/null || fail 'the Azure CLI is missing: https://learn.microsoft.com/cli/azure/install-azure-cli'

signed_in=$(az account show --query tenantId --output tsv)
[ "$(lower "$signed_in")" = "$tenant" ] ||
  fail "you are signed in to tenant $signed_in; run: az login --tenant $tenant"

found() { echo "found:   $1" >&2; }
created() { echo "created: $1" >&2; }

# An app trusts managed identities of its own tenant only.
fail_own_app() {
  fail "the app $app is registered in tenant $tenant itself, so it cannot trust an identity of another one (AADSTS700236).
  If this is Litware's tenant, ask Contoso for the client id of its multi-tenant app, and give that one.
  If this is Contoso's tenant, sign in to Litware's, and give its id as --tenant. Nothing was changed."
}

existing=$(az ad sp list --filter "appId eq '$app'" --output tsv \
  --query '[].[id, appOwnerOrganizationId, to_string(accountEnabled)]')
if [ -n "$existing" ]; then
  read -r principal owner enabled <<<"$existing"
  [ "$(lower "$owner")" != "$tenant" ] || fail_own_app
  [ "$enabled" != false ] ||
    fail "the service principal of the app is disabled; to enable it, run: az ad sp update --id $principal --set accountEnabled=true"
  found "the service principal $principal of the app"
else
  # Without this, az would create a service principal for an app of this tenant, too.
  own=$(az ad app list --app-id "$app" --query '[].appId' --output tsv)
  [ -z "$own" ] || fail_own_app
  principal=$(az ad sp create --id "$app" --query id --output tsv)
  created "the service principal $principal of the app"
fi

# At this scope itself: a role on a wider scope can go away without notice to Contoso.
roles=$(az role assignment list --assignee "$principal" --role "$role" --scope "$scope" --query '[].id' --output tsv)
if [ -n "$roles" ]; then
  found "the role $role on $scope"
else
  # With the type of the principal, Azure does not look it up: a new one may not be everywhere yet.
  az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
    --role "$role" --scope "$scope" --output none
  created "the role $role on $scope; it can take several minutes to work"
fi

cat <<IDS

Send to Contoso:
  CROSS_TENANT_TARGET_TENANT_ID=$tenant
  scope of the role $role: $scope
IDS
