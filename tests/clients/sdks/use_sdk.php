<?php
// A program as a user of the generated PHP SDK would write it: create, find, update and delete a key.

use TesseraClient\Api\APIKeysApi;
use TesseraClient\Api\PersonasApi;
use TesseraClient\Api\UsersApi;
use TesseraClient\ApiException;
use TesseraClient\Configuration;
use TesseraClient\Model\ApiKey;
use TesseraClient\Model\ApiKeyRequest;
use TesseraClient\Model\AtlanError;
use TesseraClient\Model\PersonaRequest;

error_reporting(E_ALL & ~E_DEPRECATED);
[, $sdk, $baseUrl, $token, $name] = $argv;
require 'GuzzleHttp/autoload.php';
spl_autoload_register(function (string $class) use ($sdk): void {
    require $sdk . '/lib' . strtr(substr($class, strlen('TesseraClient')), '\\', '/') . '.php';
});

function check(bool $condition, string $claim): void
{
    if (!$condition) {
        throw new Exception($claim);
    }
}

function configurationOf(string $token): Configuration
{
    return (new Configuration())->setHost($GLOBALS['baseUrl'])->setAccessToken($token);
}

function linkedTo(ApiKey $key): array
{
    $links = $key->getAttributes()->getPersonaQualifiedName();
    return array_map(fn ($link) => $link->getPersonaQualifiedName(), $links);
}

function errorOf(callable $call): AtlanError
{
    try {
        $call();
    } catch (ApiException $error) {
        return $error->getResponseObject();
    }
    throw new Exception('the call succeeds');
}

$personas = new PersonasApi(null, configurationOf($token));
$newPersona = fn ($when) => $personas->createPersona(new PersonaRequest(['name' => "$name $when"]))->getQualifiedName();
[$before, $after] = array_map($newPersona, ['before', 'after']);

$keys = new APIKeysApi(null, configurationOf($token));
$created = $keys->createApiKey(new ApiKeyRequest([
    'display_name' => $name,
    'description' => 'generated',
    'validity_seconds' => 3600,
    'persona_qualified_names' => [$before],
]));
check($created->getAttributes()->getAccessTokenLifespan() === '3600', 'the validity is kept');
check(linkedTo($created) === [$before], 'the persona is linked');

$found = $keys->listApiKeys(json_encode(['displayName' => $name]), '-createdAt', 2);
check($found->getFilterRecord() === 1 && $found->getRecords()[0]->getId() === $created->getId(), 'the key is found');

$renamed = new ApiKeyRequest(['display_name' => "$name renamed", 'persona_qualified_names' => [$after]]);
$updated = $keys->updateApiKey($created->getId(), $renamed);
check($keys->getApiKey($created->getId())->getDisplayName() === "$name renamed", 'the key is renamed');
check(linkedTo($updated) === [$after], 'the links are replaced');
$unlinked = $keys->updateApiKey($created->getId(), new ApiKeyRequest(['display_name' => $name]));
check(linkedTo($unlinked) === [], 'what is left out is unlinked');

$itself = new UsersApi(null, configurationOf($created->getAttributes()->getAccessToken()));
check($itself->getCurrentUser()->getUsername() === 'service-account-' . $created->getClientId(), 'the key acts as itself');
$keys->deleteApiKey($created->getId());
check(errorOf(fn () => $itself->getCurrentUser())->getCode() === 401, 'the deleted key is refused');
check(errorOf(fn () => $keys->getApiKey($created->getId()))->getErrorCode() === 'TESSERA-404-001', 'the deleted key is gone');
check(errorOf(fn () => $keys->listApiKeys('{'))->getCauses()[0]->getLocation() === 'filter', 'the broken filter is named');
