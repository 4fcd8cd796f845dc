// Checks queries with Microsoft's own parser: syntax, names of columns, and types.
// The tables have the columns of Microsoft's table reference that the queries use.
'use strict';

const fs = require('fs');
const path = require('path');

const modules = path.resolve(process.argv[2], 'node_modules', '@kusto', 'language-service-next');
require(path.join(modules, 'bridge.min.js'));
require(path.join(modules, 'Kusto.Language.Bridge.min.js'));
const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;

const COLUMNS = ['TimeGenerated: datetime'].concat(
  [
    'AppId',
    'CorrelationId',
    'FederatedCredentialId',
    'IPAddress',
    'ResourceDisplayName',
    'ResultDescription',
    'ResultType',
    'ServicePrincipalId',
  ].map((name) => `${name}: string`),
);

const tables = ['AADManagedIdentitySignInLogs', 'AADServicePrincipalSignInLogs'].map(
  // The constructor of a name and a schema.
  (name) => new Symbols.TableSymbol.$ctor7(name, `(${COLUMNS.join(', ')})`, ''),
);
const workspace = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('workspace', tables));

function mistakes(query) {
  const found = KustoCode.ParseAndAnalyze(query, workspace).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, index) => found.getItem(index).Message);
}

// The check itself: a parser that knows nothing accepts everything.
if (mistakes('AADManagedIdentitySignInLogs | where Appid == "x"').length === 0) {
  throw new Error('the parser accepts a column that does not exist');
}

let failed = false;
for (const file of process.argv.slice(3)) {
  for (const message of mistakes(fs.readFileSync(file, 'utf8'))) {
    failed = true;
    console.error(`${file}: ${message}`);
  }
}
process.exitCode = failed ? 1 : 0;
