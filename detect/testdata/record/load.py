"""Varied healthy load for a recording: a small web service on loopback whose
request rate wanders, a tar now and then, a burst of CPU now and then, idle
between. Takes the seconds to run."""
import http.client, http.server, math, os, random, subprocess, sys, threading, time

random.seed(1)
body = os.urandom(64 << 10)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        n = int(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Length", str(n))
        self.end_headers()
        self.wfile.write(body[:n])

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
end = time.time() + int(sys.argv[1])


def batch():
    """Archives, compresses and burns a core for a while, with idle between."""
    while time.time() < end:
        time.sleep(random.expovariate(1 / 60))
        job = random.choice(["tar -cf /tmp/load.tar /usr/include", "tar -czf /tmp/load.tgz /usr/include", "timeout 8 sh -c 'while :; do :; done'", "sync"])
        subprocess.run(job, shell=True, stderr=subprocess.DEVNULL)


threading.Thread(target=batch, daemon=True).start()
while time.time() < end:
    t = time.time()
    rate = 2 + 18 * (1 + math.sin(t / 40)) / 2 * random.uniform(0.5, 1.0)  # requests a second
    c = http.client.HTTPConnection("127.0.0.1", server.server_address[1])
    c.request("GET", "/%d" % random.choice([500, 4000, 20000, 65536]))
    c.getresponse().read()
    c.close()
    time.sleep(max(0, 1 / rate - (time.time() - t)))
