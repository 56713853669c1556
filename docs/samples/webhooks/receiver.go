// A receiver of webhooks that believes only what the service signed. Go 1.20 or newer, no packages.
//
//	WEBHOOK_SECRET=… PORT=8000 go run receiver.go
//
// Prints a line of JSON for each new event. Put it behind a server that speaks https.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	toleranceS   = 300        // a message may be this old, or this far ahead of our clock
	rememberS    = 4 * 86_400 // a message is tried again for three days, under the same id
	bodyBytesMax = 65_536
)

var (
	secret = os.Getenv("WEBHOOK_SECRET")
	digits = regexp.MustCompile(`^[0-9]{1,12}$`)
)

// signingKey is the base64 of the key where the secret begins with whsec_, and else the secret itself.
func signingKey(secret string) []byte {
	if text, found := strings.CutPrefix(secret, "whsec_"); found {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil {
			return key
		}
	}
	return []byte(secret)
}

// genuine says whether body, the bytes as they came, was signed with our secret a short while ago.
func genuine(headers http.Header, body []byte, now time.Time) bool {
	id, sentAt := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	if id == "" || !digits.MatchString(sentAt) {
		return false
	}
	mac := hmac.New(sha256.New, signingKey(secret))
	fmt.Fprintf(mac, "%s.%s.", id, sentAt)
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	signed := false
	for _, given := range strings.Fields(headers.Get("webhook-signature")) {
		signed = hmac.Equal(expected, []byte(given)) || signed
	}
	seconds, err := strconv.ParseInt(sentAt, 10, 64)
	return signed && err == nil && math.Abs(float64(now.Unix()-seconds)) <= toleranceS
}

// done has the ids of the messages that were handled. Keep them in your database: these are lost with the process.
var done = struct {
	sync.Mutex
	until map[string]time.Time
}{until: map[string]time.Time{}}

// once calls handle unless it was called for this message before. One that fails was not.
func once(id string, now time.Time, handle func() error) error {
	done.Lock()
	defer done.Unlock()
	for each, until := range done.until {
		if !until.After(now) {
			delete(done.until, each)
		}
	}
	if _, found := done.until[id]; found {
		return nil
	}
	if err := handle(); err != nil {
		return err
	}
	done.until[id] = now.Add(rememberS * time.Second)
	return nil
}

// handle is where your own work goes. Be quick, or queue it: the service waits 15 seconds for the answer.
func handle(id string, body []byte) error {
	var event struct {
		RequestID string `json:"requestId"`
		ID        string `json:"id"`
		Status    string `json:"status"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]string{
		"delivery": id, "task": event.RequestID + event.ID, "status": event.Status,
	})
}

func receive(response http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		response.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, bodyBytesMax))
	now, id := time.Now(), request.Header.Get("webhook-id")
	switch {
	case err != nil:
		response.WriteHeader(http.StatusRequestEntityTooLarge)
	case !genuine(request.Header, body, now):
		response.WriteHeader(http.StatusUnauthorized)
	default:
		if err := once(id, now, func() error { return handle(id, body) }); err != nil {
			log.Print(err)
			response.WriteHeader(http.StatusInternalServerError) // the service will try again
			return
		}
		response.WriteHeader(http.StatusNoContent)
	}
}

func main() {
	if secret == "" {
		log.Fatal("WEBHOOK_SECRET is empty")
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"listening\": %d}\n", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: http.HandlerFunc(receive), ReadTimeout: 15 * time.Second}
	log.Fatal(server.Serve(listener))
}
