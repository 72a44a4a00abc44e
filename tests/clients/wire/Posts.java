import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/** Java's default client, which offers HTTP/2 with every request: 600 POSTs; prints how often it got which status. */
class Posts {
    public static void main(String[] arguments) throws Exception {
        byte[] body = "{\"query\": \"{ me { corpUser { username } } }\"}".getBytes();
        HttpClient client = HttpClient.newHttpClient();
        TreeMap<Integer, Integer> statuses = new TreeMap<>();
        for (int round = 0; round < 100; round++) {
            ArrayList<CompletableFuture<Integer>> sent = new ArrayList<>();
            for (int number = 0; number < 6; number++) {
                // Some of a known length, and some in chunks.
                BodyPublisher publisher = number < 4
                    ? BodyPublishers.ofByteArray(body)
                    : BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
                HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0] + "/api/graphql"))
                    .header("Authorization", "Bearer " + arguments[1])
                    .header("Content-Type", "application/json")
                    .POST(publisher)
                    .build();
                sent.add(client.sendAsync(request, BodyHandlers.ofString()).thenApply(answer -> answer.statusCode()));
            }
            for (CompletableFuture<Integer> one : sent) {
                statuses.merge(one.get(), 1, Integer::sum);
            }
        }
        statuses.forEach((status, count) -> System.out.println(count + " " + status));
    }
}
