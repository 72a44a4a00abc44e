-- Asks Tessera whether to let a request through, and tells the application who it is.
core.register_action("tessera", { "http-req" }, function(transaction)
    local required = transaction:get_var("txn.tessera_required") or ""
    local client = transaction.http:req_get_headers()

    -- What the client itself sent under these names, in every spelling that an application may take for them.
    for name in pairs(client) do
        if name:match("^x[-_]tessera[-_]") then
            transaction.http:req_del_header(name)
        end
    end

    local scheme = transaction.sf:ssl_fc() == "1" and "https" or "http"
    local asked, answer = pcall(function()
        return core.httpclient():get({
            url = "http://127.0.0.1:8585/gateway/verify?" .. required,
            timeout = 2000,
            headers = {
                -- Every line of each: Tessera refuses more than one credential.
                ["authorization"] = lines(client["authorization"]),
                ["x-api-key"] = lines(client["x-api-key"]),
                ["dpop"] = lines(client["dpop"]),
                ["accept"] = lines(client["accept"]),
                -- For keys that are bound to addresses: only what HAProxy sees itself, never what the client says.
                ["x-forwarded-for"] = { transaction.sf:src() },
                -- For Tessera's log, so that it can refuse a token in the query string, and the URL of DPoP proofs.
                ["x-original-method"] = { transaction.sf:method() },
                ["x-original-uri"] = { scheme .. "://" .. transaction.sf:req_hdr("host") .. transaction.sf:pathq() },
            },
        })
    end)

    if asked and answer.status == 200 then
        for name, values in pairs(answer.headers) do
            if name:match("^x%-tessera%-") then
                transaction.http:req_set_header(name, values[0])
            end
        end
        return
    end

    -- A Tessera that does not answer lets nobody in.
    local known = asked and (answer.status == 401 or answer.status == 403 or answer.status == 429)
    local reply = transaction:reply({ status = known and answer.status or 503 })
    for _, name in ipairs(known and { "content-type", "www-authenticate", "dpop-nonce", "retry-after" } or {}) do
        for _, value in ipairs(lines(answer.headers[name])) do
            reply:add_header(name, value)
        end
    end
    reply:set_body(known and answer.body or "")
    transaction:done(reply)
end)

-- HAProxy counts the lines of a header from 0, Lua from 1.
function lines(header)
    local all = {}
    for index = 0, header and #header or -1 do
        all[index + 1] = header[index]
    end
    return all
end
