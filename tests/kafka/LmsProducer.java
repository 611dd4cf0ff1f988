// An LMS in Java: Kafka's own producer. Reads orders from stdin, a line each; says "done" at the end.
//   send TAB codec TAB value in Base64 | begin | write TAB value in Base64 | abort | commit
//   | nothing (a record without key and value) | header (one without a value)
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class LmsProducer {
    static String topic;

    public static void main(String[] words) throws Exception {
        topic = words[1];
        Map<String, KafkaProducer<byte[], byte[]>> producers = new HashMap<>();
        KafkaProducer<byte[], byte[]> transactional = open(words[0], "none", "lms-" + topic);
        transactional.initTransactions();
        KafkaProducer<byte[], byte[]> last = null;
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = orders.readLine()) != null; ) {
            String[] order = line.split("\t", -1);
            KafkaProducer<byte[], byte[]> next = transactional;
            if (!order[0].matches("begin|write|abort|commit")) {
                String asked = order.length > 1 ? order[1] : "none";
                next = producers.computeIfAbsent(asked, codec -> open(words[0], codec, null));
            }
            if (last != null && last != next) {
                last.flush();  // one codec's batch is there before the next one's begins
            }
            last = next;
            switch (order[0]) {
                case "begin": transactional.beginTransaction(); break;
                case "abort": transactional.flush(); transactional.abortTransaction(); break;
                case "commit": transactional.commitTransaction(); break;
                case "nothing": next.send(new ProducerRecord<>(topic, null)); break;
                case "header":
                    ProducerRecord<byte[], byte[]> odd = new ProducerRecord<>(topic, new byte[] {'v'});
                    odd.headers().add("empty", null).add("h", new byte[] {'1'});
                    next.send(odd);
                    break;
                default: next.send(new ProducerRecord<>(topic, Base64.getDecoder().decode(order[order.length - 1])));
            }
        }
        for (KafkaProducer<byte[], byte[]> one : producers.values()) {
            one.close();
        }
        transactional.close();
        System.out.println("done");
    }

    static KafkaProducer<byte[], byte[]> open(String bootstrap, String codec, String transactions) {
        Properties told = new Properties();
        told.put("bootstrap.servers", bootstrap);
        told.put("compression.type", codec);
        told.put("linger.ms", "50");
        told.put("max.request.size", "3000000");
        if (transactions != null) {
            told.put("transactional.id", transactions);
        }
        return new KafkaProducer<>(told, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
